// Credentials as a profile of the shared files describes them.
#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "sluice/aws/credentials_sources.hpp"

namespace sluice::aws {
namespace {

constexpr std::chrono::seconds process_timeout{60};

class Resolver {
 public:
  Resolver(Surroundings& around, const Profiles& profiles, std::string first)
      : around_(around), profiles_(profiles), first_(std::move(first)) {}

  Result<Sought> resolve(const std::string& name) {
    const Properties* found = profiles_.find(name);
    if (found == nullptr) {
      return fail(Fault::denied, "there is no profile '" + name + "' in " + files(),
                  "check the name, or write the profile with `aws configure --profile " + name + "`");
    }
    const Properties& profile = *found;
    // A profile may be its own source: its keys, then, not its role.
    const bool seen = std::find(visited_.begin(), visited_.end(), name) != visited_.end();
    if (seen && visited_.back() != name) {
      return fail(Fault::denied, "the source_profile of profile '" + visited_.back() + "' leads in a circle");
    }
    visited_.push_back(name);
    auto sought = !seen && has(profile, "role_arn") ? role(name, profile) : own(name, profile);
    if (!sought) return fail(std::move(sought).error().within("profile '" + name + "'"));
    return sought;
  }

 private:
  static bool has(const Properties& profile, std::string_view name) { return !property(profile, name).empty(); }
  std::string files() const { return profiles_.credentials_file() + " or " + profiles_.config_file(); }

  Result<Sought> role(const std::string& name, const Properties& profile) {
    const Role role{.arn = property(profile, "role_arn"),
                    .session_name = property(profile, "role_session_name"),
                    .external_id = property(profile, "external_id"),
                    .duration_seconds = property(profile, "duration_seconds")};
    int seconds = 0;
    const std::string& text = role.duration_seconds;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (!text.empty() &&
        (error != std::errc() || end != text.data() + text.size() || seconds < 900 || seconds > 43200)) {
      return fail(Fault::config, "duration_seconds is not a number from 900 to 43200");
    }
    if (has(profile, "mfa_serial")) {
      return fail(Fault::denied, "mfa_serial asks for a code, and nobody is there to type it",
                  "export short-lived credentials, for example with `aws configure export-credentials`");
    }
    const std::string token_file = property(profile, "web_identity_token_file");
    if (!token_file.empty()) {
      SLUICE_TRY(auto credentials, assume_role_with_web_identity(around_, role, token_file, first_));
      return Sought{.credentials = std::move(credentials), .where = "role " + role.arn + " of profile " + name};
    }
    const std::string source_profile = property(profile, "source_profile");
    const std::string source_name = property(profile, "credential_source");
    if (source_profile.empty() == source_name.empty()) {
      return fail(Fault::config,
                  source_name.empty() ? "role_arn without a source" : "source_profile and credential_source",
                  "give one of source_profile, credential_source and web_identity_token_file");
    }
    SLUICE_TRY(const Sought source, source_profile.empty() ? named_source(source_name) : resolve(source_profile));
    if (!source.credentials) return fail(Fault::denied, "no credentials to take the role on with: " + source.where);
    SLUICE_TRY(auto credentials, assume_role(around_, role, *source.credentials, first_));
    return Sought{.credentials = std::move(credentials), .where = "role " + role.arn + " of profile " + name};
  }

  Result<Sought> named_source(const std::string& name) {
    if (name == "Environment") return from_environment({});
    if (name == "EcsContainer") return from_container(around_);
    if (name == "Ec2InstanceMetadata") return from_instance(around_);
    return fail(Fault::config, "credential_source is '" + name + "'",
                "it can be Environment, EcsContainer or Ec2InstanceMetadata");
  }

  Result<Sought> own(const std::string& name, const Properties& profile) {
    Credentials credentials{.key_id = property(profile, "aws_access_key_id"),
                            .secret = property(profile, "aws_secret_access_key"),
                            .token = property(profile, "aws_session_token")};
    if (!credentials.key_id.empty() || !credentials.secret.empty()) {
      SLUICE_TRY(auto good, checked(std::move(credentials), around_.clock));
      return Sought{.credentials = std::move(good), .where = "profile " + name + " in " + files()};
    }
    if (has(profile, "credential_process")) return process(name, profile);
    if (has(profile, "sso_session") || has(profile, "sso_start_url"))
      return from_sso(around_, profiles_, name, profile);
    return Sought{.where = "no keys, role or process in profile " + name + " of " + files()};
  }

  Result<Sought> process(const std::string& name, const Properties& profile) {
    auto output = run_process(property(profile, "credential_process"), process_timeout);
    if (!output) return fail(std::move(output).error().within("credential_process"));
    const auto json = nlohmann::json::parse(*output, nullptr, false);
    const auto version = json.is_object() ? json.find("Version") : json.end();
    if (version == json.end() || *version != 1) {
      return fail(Fault::denied, "credential_process: it does not write a JSON object with Version 1");
    }
    auto credentials = parse_json_credentials(*output, "SessionToken", around_.clock);
    if (!credentials) return fail(std::move(credentials).error().within("credential_process"));
    return Sought{.credentials = std::move(*credentials), .where = "credential_process of profile " + name};
  }

  Surroundings& around_;
  const Profiles& profiles_;
  std::string first_;  // whose region and endpoint STS is asked with
  std::vector<std::string> visited_;
};

}  // namespace

Result<Sought> from_profile(Surroundings& around, const std::string& asked_profile) {
  SLUICE_TRY(const Profiles profiles, Profiles::load());
  const std::string name = profile_name(asked_profile);
  // Nobody asked for "default"; it need not be there.
  if (name == "default" && asked_profile.empty() && profiles.find(name) == nullptr) {
    return Sought{.where = "no profile default in " + profiles.credentials_file() + " or " + profiles.config_file()};
  }
  return Resolver(around, profiles, name).resolve(name);
}

}  // namespace sluice::aws
