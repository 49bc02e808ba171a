// Single sign-on (IAM Identity Center): the token that `aws sso login` left in its cache is changed
// for a role's credentials. Nothing here logs in; an old token is an error that says how to.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "sluice/aws/credentials_sources.hpp"
#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

// The CLI names its cache files by the SHA-1 of the session's name, or of the start URL in older profiles.
std::string cache_file(const std::string& name) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(name.data(), name.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) return {};
  std::string file = home_folder() + "/.aws/sso/cache/";
  constexpr std::string_view digits = "0123456789abcdef";
  for (unsigned at = 0; at < size; ++at) {
    file += digits[digest[at] >> 4U];
    file += digits[digest[at] & 15U];
  }
  return file + ".json";
}

bool is_region(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string text_of(const nlohmann::json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<Credentials> read_role_credentials(const std::string& body, const Clock& clock) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto found = json.is_object() ? json.find("roleCredentials") : json.end();
  if (found == json.end() || !found->is_object()) return fail(Fault::denied, "an answer without roleCredentials");
  const auto expires = found->find("expiration");  // milliseconds
  if (expires == found->end() || !expires->is_number_integer()) {
    return fail(Fault::denied, "an answer in which expiration is not a number");
  }
  // Year 2200: the clock counts nanoseconds and would run over.
  const std::int64_t time_ms = std::clamp<std::int64_t>(expires->get<std::int64_t>(), 0, 7'258'118'400'000);
  return checked({.key_id = text_of(*found, "accessKeyId"),
                  .secret = text_of(*found, "secretAccessKey"),
                  .token = text_of(*found, "sessionToken"),
                  .expires = std::chrono::system_clock::time_point(std::chrono::milliseconds(time_ms))},
                 clock);
}

}  // namespace

Result<Sought> from_sso(Surroundings& around, const Profiles& profiles, const std::string& name,
                        const Properties& profile) {
  const std::string login = "log in with `aws sso login --profile " + name + "`";
  const std::string session_name = property(profile, "sso_session");
  const Properties* session = session_name.empty() ? &profile : profiles.sso_session(session_name);
  if (session == nullptr) {
    return fail(Fault::config, "there is no [sso-session " + session_name + "] in " + profiles.config_file());
  }
  const std::string start_url = property(*session, "sso_start_url");
  const std::string region = property(*session, "sso_region");
  const std::string account = property(profile, "sso_account_id");
  const std::string role = property(profile, "sso_role_name");
  if (start_url.empty() || !is_region(region) || account.empty() || role.empty()) {
    return fail(Fault::config, "single sign-on is set up in part",
                "it takes sso_start_url, sso_region, sso_account_id and sso_role_name");
  }

  auto cached = read_small_file(cache_file(session_name.empty() ? start_url : session_name));
  if (!cached) return fail(Fault::denied, "nobody has logged in to single sign-on: " + cached.error().message, login);
  const auto json = nlohmann::json::parse(*cached, nullptr, false);
  const std::string token = json.is_object() ? text_of(json, "accessToken") : "";
  const auto token_expires = json.is_object() ? parse_time(text_of(json, "expiresAt")) : std::nullopt;
  if (token.empty() || !token_expires)
    return fail(Fault::denied, "the cached single sign-on token cannot be read", login);
  if (*token_expires <= around.clock.now()) return fail(Fault::denied, "the single sign-on login has expired", login);

  std::string origin = endpoint_from_environment("SSO", name);
  if (origin.empty()) {
    origin = "https://portal.sso." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn" : "");
  }
  while (origin.ends_with('/')) origin.pop_back();
  auto response = around.http.call({.method = "GET",
                                    .url = origin + "/federation/credentials?role_name=" + percent_encode(role) +
                                           "&account_id=" + percent_encode(account),
                                    .headers = {{"x-amz-sso_bearer_token", token}},
                                    .timeout = std::chrono::milliseconds(10000)});
  if (!response) return fail(std::move(response).error().within("single sign-on"));
  if (response->status == 401) return fail(Fault::denied, "the single sign-on login is not accepted any more", login);
  if (response->status != 200) {
    const bool passing = response->status >= 500 || response->status == 429;
    return fail(
        passing ? Fault::transient : Fault::denied,
        "single sign-on answered " + std::to_string(response->status) + " for role " + role + " in account " + account,
        passing ? "" : "check that the role is assigned to you");
  }
  auto credentials = read_role_credentials(response->body, around.clock);
  if (!credentials) return fail(std::move(credentials).error().within("single sign-on"));
  return Sought{.credentials = std::move(*credentials),
                .where = "single sign-on of profile " + name + ", role " + role};
}

}  // namespace sluice::aws
