// Credentials that a machine near us serves: a container's agent, or EC2's metadata service.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "sluice/aws/credentials_sources.hpp"
#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds container_timeout{2000};

// A second by default: on a machine that is not in EC2 everybody waits for this.
milliseconds instance_timeout() {
  const std::string text = environment("AWS_METADATA_SERVICE_TIMEOUT");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool ok = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return ok && seconds >= 1 && seconds <= 60 ? milliseconds(seconds * 1000) : milliseconds(1000);
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

bool is_role_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_+=,.@-").find(c) != std::string_view::npos;
  });
}

Fault fault_of(int status) { return status >= 500 || status == 429 ? Fault::transient : Fault::denied; }

// The token must not go to just any host: what the SDKs allow is https, loopback and the agents' addresses.
Result<void> allow_container_url(const Url& url) {
  if (url.https || is_loopback(url.host)) return {};
  if (url.host == "169.254.170.2" || url.host == "169.254.170.23" || url.host == "fd00:ec2::23") return {};
  return fail(Fault::denied,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI: the host of " + std::string(url.origin) +
                  " is not one that credentials may be asked from",
              "use https, a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
}

// The Authorization header's value; empty if there is none.
Result<std::string> container_token() {
  const std::string file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  std::string token;
  if (file.empty()) {
    token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  } else {
    auto text = read_small_file(file);
    if (!text) return fail(std::move(text).error().within("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
    token = trimmed(std::move(*text));
  }
  if (token.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return fail(Fault::denied, "the container authorization token holds a line break");
  }
  return token;
}

}  // namespace

Result<Sought> from_container(Surroundings& around) {
  const std::string relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  std::string target = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && target.empty()) {
    return Sought{.where = "no container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set)"};
  }
  if (!relative.empty()) {
    if (!relative.starts_with('/')) {
      return fail(Fault::denied, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not start with /");
    }
    target = around.container_host + relative;
  }
  const auto url = split_url(target);
  if (!url) return fail(Fault::denied, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL");
  SLUICE_CHECK(allow_container_url(*url));
  const std::string place = "container credentials at " + std::string(url->origin);

  Request request{.method = "GET", .url = target, .timeout = container_timeout, .to_metadata = true};
  SLUICE_TRY(std::string token, container_token());
  if (!token.empty()) request.headers.emplace_back("Authorization", std::move(token));
  auto response = around.http.call(std::move(request));
  if (!response) return fail(std::move(response).error().within(place));
  if (response->status != 200) {
    return fail(fault_of(response->status), place + ": answered " + std::to_string(response->status),
                "check the task's or pod's role");
  }
  auto credentials = parse_json_credentials(response->body, "Token", around.clock);
  if (!credentials) return fail(std::move(credentials).error().within(place));
  return Sought{.credentials = std::move(*credentials), .where = place};
}

Result<Sought> from_instance(Surroundings& around) {
  std::string disabled = environment("AWS_EC2_METADATA_DISABLED");
  std::transform(disabled.begin(), disabled.end(), disabled.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (disabled == "true") return Sought{.where = "no instance metadata (AWS_EC2_METADATA_DISABLED is true)"};

  std::string origin = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (origin.empty()) {
    const std::string mode = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    origin = mode == "IPv6" || mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
  }
  while (origin.ends_with('/')) origin.pop_back();
  if (!split_url(origin)) return fail(Fault::config, "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a URL");
  const std::string place = "instance metadata at " + std::string(split_url(origin)->origin);
  const milliseconds timeout = instance_timeout();

  const auto token = around.http.call({.method = "PUT",
                                       .url = origin + "/latest/api/token",
                                       .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}},
                                       .timeout = timeout,
                                       .to_metadata = true});
  if (!token) return Sought{.where = "no " + place + " (" + token.error().message + ")"};
  if (token->status >= 500) {
    return fail(Fault::transient, place + ": answered " + std::to_string(token->status) + " when asked for a token");
  }
  if (token->status != 200) {
    return Sought{.where = "no " + place + " (it answered " + std::to_string(token->status) +
                           " when asked for a version 2 token)"};
  }
  const auto get = [&](const std::string& path) {
    return around.http.call({.method = "GET",
                             .url = origin + path,
                             .headers = {{"X-aws-ec2-metadata-token", trimmed(token->body)}},
                             .timeout = timeout,
                             .to_metadata = true});
  };

  const std::string roles = "/latest/meta-data/iam/security-credentials/";
  auto role = get(roles);
  if (!role) return fail(std::move(role).error().within(place));
  if (role->status == 404) return Sought{.where = place + " (the instance has no role)"};
  if (role->status != 200) {
    return fail(fault_of(role->status),
                place + ": answered " + std::to_string(role->status) + " when asked for the role");
  }
  const std::string name = role->body.substr(0, role->body.find_first_of("\r\n"));
  if (!is_role_name(name)) return fail(Fault::denied, place + ": the answer is not a role's name");

  auto answer = get(roles + name);
  if (!answer) return fail(std::move(answer).error().within(place));
  if (answer->status != 200) {
    return fail(fault_of(answer->status), place + ": answered " + std::to_string(answer->status) + " for role " + name);
  }
  const auto json = nlohmann::json::parse(answer->body, nullptr, false);
  const auto code = json.is_object() ? json.find("Code") : json.end();
  if (code != json.end() && *code != "Success") {
    return fail(Fault::denied, place + ": no credentials for role " + name, "check the role's trust policy");
  }
  auto credentials = parse_json_credentials(answer->body, "Token", around.clock);
  if (!credentials) return fail(std::move(credentials).error().within(place));
  return Sought{.credentials = std::move(*credentials), .where = place + ", role " + name};
}

}  // namespace sluice::aws
