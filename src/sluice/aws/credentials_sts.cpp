// Roles taken on at STS: by other credentials, or by a token that an identity provider has signed.
#include <pugixml.hpp>

#include "sluice/aws/credentials_sources.hpp"
#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

constexpr std::size_t message_bytes_max = 300;

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string form(const Parameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    percent_encode_to(out, value, false);
  }
  return out;
}

std::string session_name(const Role& role, const Clock& clock) {
  if (!role.session_name.empty()) return role.session_name;
  return "sluice-" + std::to_string(clock.now_micros() / 1'000'000);
}

struct Endpoint {
  std::string url;
  std::string region;
};

Endpoint endpoint(const std::string& profile) {
  Endpoint out{.url = endpoint_from_environment("STS", profile), .region = region_from_environment(profile)};
  if (out.url.empty() && out.region.empty()) {
    out.url = "https://sts.amazonaws.com";
  } else if (out.url.empty()) {
    out.url = "https://sts." + out.region + ".amazonaws.com" + (out.region.starts_with("cn-") ? ".cn" : "");
  }
  while (out.url.ends_with('/')) out.url.pop_back();
  out.url += '/';
  if (out.region.empty()) out.region = "us-east-1";
  return out;
}

// What STS says about an error, unless it holds what we sent in confidence.
std::string spoken(const pugi::xml_node& error, std::string_view confidential) {
  std::string text = error.child_value("Code");
  const std::string_view message = error.child_value("Message");
  if (!message.empty()) text.append(": ").append(message.substr(0, message_bytes_max));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  // A token that is cut off is one still: its first characters are looked for.
  const std::string_view start = confidential.substr(0, 16);
  if (!start.empty() && text.find(start) != std::string::npos) return "its message is left out, it holds a token";
  return text;
}

bool is_passing(int status, std::string_view code) {
  return status >= 500 || status == 429 || code == "Throttling" || code == "ThrottlingException" ||
         code == "RequestLimitExceeded" || code == "IDPCommunicationError";
}

Result<Credentials> read_answer(const Response& response, const std::string& action, const std::string& arn,
                                std::string_view confidential, const Clock& clock) {
  pugi::xml_document document;
  const bool ok =
      document.load_buffer(response.body.data(), response.body.size(), pugi::parse_minimal | pugi::parse_escapes);
  if (response.status != 200) {
    const pugi::xml_node error = ok ? document.child("ErrorResponse").child("Error") : pugi::xml_node();
    const std::string said = error ? spoken(error, confidential) : "no reason given";
    const bool passing = is_passing(response.status, error.child_value("Code"));
    return fail(passing ? Fault::transient : Fault::denied,
                "answered " + std::to_string(response.status) + " to " + action + " of " + arn + ": " + said,
                passing ? "" : "check the role's trust policy and that the caller may " + action);
  }
  const pugi::xml_node node =
      document.child((action + "Response").c_str()).child((action + "Result").c_str()).child("Credentials");
  if (!ok || !node) return fail(Fault::transient, "an answer to " + action + " that is cut off or not from STS");
  const auto expires = parse_time(node.child_value("Expiration"));
  if (!expires) return fail(Fault::denied, "an answer to " + action + " in which Expiration is not a time");
  return checked({.key_id = node.child_value("AccessKeyId"),
                  .secret = node.child_value("SecretAccessKey"),
                  .token = node.child_value("SessionToken"),
                  .expires = *expires},
                 clock);
}

Request form_request(const Endpoint& at, const Parameters& parameters) {
  return {.url = at.url,
          .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
          .body = form(parameters),
          .timeout = std::chrono::milliseconds(10000)};
}

Result<Credentials> ask(Surroundings& around, Request request, const std::string& action, const std::string& arn,
                        std::string_view confidential) {
  std::string place = "STS";
  if (const auto url = split_url(request.url)) place = "STS at " + std::string(url->origin);
  auto response = around.http.call(std::move(request));
  if (!response) return fail(std::move(response).error().within(place));
  auto credentials = read_answer(*response, action, arn, confidential, around.clock);
  if (!credentials) return fail(std::move(credentials).error().within(place));
  return credentials;
}

}  // namespace

Result<Credentials> assume_role(Surroundings& around, const Role& role, const Credentials& source,
                                const std::string& profile) {
  Parameters parameters{{"Action", "AssumeRole"},
                        {"Version", "2011-06-15"},
                        {"RoleArn", role.arn},
                        {"RoleSessionName", session_name(role, around.clock)}};
  if (!role.external_id.empty()) parameters.emplace_back("ExternalId", role.external_id);
  if (!role.duration_seconds.empty()) parameters.emplace_back("DurationSeconds", role.duration_seconds);
  const Endpoint at = endpoint(profile);
  Request request = form_request(at, parameters);
  Signer signer("sts", at.region);
  signer.sign(request, source, around.clock.now_micros() / 1'000'000);
  return ask(around, std::move(request), "AssumeRole", role.arn, source.token.empty() ? source.secret : source.token);
}

Result<Credentials> assume_role_with_web_identity(Surroundings& around, const Role& role, const std::string& token_file,
                                                  const std::string& profile) {
  SLUICE_TRY(std::string token, read_small_file(token_file));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty()) return fail(Fault::denied, "the web identity token in " + token_file + " is empty");
  Parameters parameters{{"Action", "AssumeRoleWithWebIdentity"},
                        {"Version", "2011-06-15"},
                        {"RoleArn", role.arn},
                        {"RoleSessionName", session_name(role, around.clock)},
                        {"WebIdentityToken", token}};
  if (!role.duration_seconds.empty()) parameters.emplace_back("DurationSeconds", role.duration_seconds);
  return ask(around, form_request(endpoint(profile), parameters), "AssumeRoleWithWebIdentity", role.arn, token);
}

Result<Sought> from_web_identity(Surroundings& around, const std::string& profile) {
  const std::string file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  if (file.empty()) return Sought{.where = "no web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set)"};
  const Role role{.arn = environment("AWS_ROLE_ARN"), .session_name = environment("AWS_ROLE_SESSION_NAME")};
  if (role.arn.empty()) {
    return fail(Fault::denied, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not", "set AWS_ROLE_ARN");
  }
  auto credentials = assume_role_with_web_identity(around, role, file, profile);
  if (!credentials) return fail(std::move(credentials).error().within("web identity"));
  return Sought{.credentials = std::move(*credentials), .where = "web identity, role " + role.arn};
}

}  // namespace sluice::aws
