// The shared files of the AWS tools: ~/.aws/credentials and ~/.aws/config, by profile.
// Source: "Shared config and credentials files", AWS SDKs and Tools Reference Guide.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice::aws {

// An environment variable; empty if it is not set.
std::string environment(const std::string& name);

using Properties = std::map<std::string, std::string, std::less<>>;  // names in lower case

class Profiles {
 public:
  // Reads both files; one that is not there is an empty one. Errors name the line, never its text.
  static Result<Profiles> load();

  // Null if there is none. Where both files have a property, the credentials file's is taken.
  const Properties* find(std::string_view profile) const;
  const Properties* sso_session(std::string_view name) const;
  const std::string& credentials_file() const { return credentials_file_; }
  const std::string& config_file() const { return config_file_; }

 private:
  Result<void> read(const std::string& file, bool is_config);

  std::string credentials_file_;
  std::string config_file_;
  std::map<std::string, Properties, std::less<>> profiles_;
  std::map<std::string, Properties, std::less<>> sso_sessions_;
};

// What the profile is called: `asked`, else AWS_PROFILE, else "default".
std::string profile_name(const std::string& asked);
// A property, or "".
std::string property(const Properties& properties, std::string_view name);
// The user's home folder, for "~/".
std::string home_folder();
// A whole small file. Errors name the file and the system's reason.
Result<std::string> read_small_file(const std::string& file);

}  // namespace sluice::aws
