#include "sluice/aws/credentials_files.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "sluice/aws/credentials.hpp"

namespace sluice::aws {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 20U;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// "value ; note" -> "value": a comment inside a line starts after white space.
std::string_view without_comment(std::string_view value) {
  for (std::size_t at = 1; at < value.size(); ++at) {
    if ((value[at] == '#' || value[at] == ';') && is_space(value[at - 1])) return trim(value.substr(0, at));
  }
  return value;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string file_from(const char* variable, const std::string& otherwise) {
  std::string file = environment(variable);
  if (file.empty()) return home_folder() + otherwise;
  if (file.starts_with("~/")) file.replace(0, 1, home_folder());
  return file;
}

struct Heading {
  enum class Kind { profile, sso_session, other };
  Kind kind = Kind::other;
  std::string name{};
};

// "[profile logs]" of the config file, "[logs]" of the credentials file, "[sso-session x]".
Heading read_heading(std::string_view text, bool is_config) {
  text = trim(text);
  const auto unquoted = [](std::string_view name) {
    name = trim(name);
    if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front()) {
      name = name.substr(1, name.size() - 2);
    }
    return std::string(name);
  };
  if (!is_config || text == "default") return {Heading::Kind::profile, unquoted(text)};
  const std::size_t gap = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view kind = text.substr(0, gap);
  if (kind == "profile") return {Heading::Kind::profile, unquoted(text.substr(gap))};
  if (kind == "sso-session") return {Heading::Kind::sso_session, unquoted(text.substr(gap))};
  return {};
}

}  // namespace

std::string environment(const std::string& name) {
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  return value != nullptr ? value : "";
}

std::string home_folder() {
  std::string home = environment("HOME");
  if (!home.empty()) return home;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> memory;
  getpwuid_r(geteuid(), &entry, memory.data(), memory.size(), &found);
  return found != nullptr ? found->pw_dir : "/";
}

Result<std::string> read_small_file(const std::string& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Fault::config, "cannot read " + file + ": " + std::strerror(errno));
  std::string text;
  std::array<char, 16384> bytes;
  while (true) {
    const ssize_t count = ::read(fd, bytes.data(), bytes.size());
    if (count == 0) break;
    if (count < 0 || text.size() > file_bytes_max) {
      const std::string reason = count < 0 ? std::strerror(errno) : "it is larger than 1 MiB";
      close(fd);
      return fail(Fault::config, "cannot read " + file + ": " + reason);
    }
    text.append(bytes.data(), static_cast<std::size_t>(count));
  }
  close(fd);
  return text;
}

std::string profile_name(const std::string& asked) {
  if (!asked.empty()) return asked;
  const std::string name = environment("AWS_PROFILE");
  return name.empty() ? "default" : name;
}

std::string property(const Properties& properties, std::string_view name) {
  const auto found = properties.find(name);
  return found == properties.end() ? "" : found->second;
}

Result<Profiles> Profiles::load() {
  Profiles profiles;
  profiles.credentials_file_ = file_from("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
  profiles.config_file_ = file_from("AWS_CONFIG_FILE", "/.aws/config");
  SLUICE_CHECK(profiles.read(profiles.config_file_, true));
  SLUICE_CHECK(profiles.read(profiles.credentials_file_, false));
  return profiles;
}

Result<void> Profiles::read(const std::string& file, bool is_config) {
  struct stat status {};
  if (stat(file.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR)) return {};
  SLUICE_TRY(const std::string text, read_small_file(file));
  std::string_view rest(text);
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);

  Properties ignored;
  Properties* section = nullptr;
  std::size_t key_indent = std::string_view::npos;  // of the last key: what stands further right belongs to it
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view raw = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    const std::size_t indent = raw.find_first_not_of(" \t");
    if (indent > key_indent) continue;  // settings of one service, nested
    const auto wrong = [&](std::string_view what) {
      return fail(Fault::config, file + ":" + std::to_string(number) + ": " + std::string(what),
                  "a profile starts with [name] and goes on with lines of the form name = value");
    };
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      if (close == std::string_view::npos) return wrong("a heading without ]");
      const Heading heading = read_heading(line.substr(1, close - 1), is_config);
      switch (heading.kind) {
        case Heading::Kind::profile: section = &profiles_[heading.name]; break;
        case Heading::Kind::sso_session: section = &sso_sessions_[heading.name]; break;
        case Heading::Kind::other: section = &ignored; break;
      }
      key_indent = std::string_view::npos;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) return wrong("neither a heading nor name = value");
    if (section == nullptr) return wrong("a value before the first heading");
    (*section)[lower(trim(line.substr(0, equals)))] = without_comment(trim(line.substr(equals + 1)));
    key_indent = indent;
  }
  return {};
}

const Properties* Profiles::find(std::string_view profile) const {
  const auto found = profiles_.find(profile);
  return found == profiles_.end() ? nullptr : &found->second;
}

const Properties* Profiles::sso_session(std::string_view name) const {
  const auto found = sso_sessions_.find(name);
  return found == sso_sessions_.end() ? nullptr : &found->second;
}

namespace {

std::string from_profile(const std::string& profile, std::string_view name) {
  const auto profiles = Profiles::load();
  if (!profiles) return {};  // looking for credentials reports it
  const Properties* properties = profiles->find(profile_name(profile));
  return properties == nullptr ? "" : property(*properties, name);
}

}  // namespace

std::string region_from_environment(const std::string& profile) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    std::string region = environment(name);
    if (!region.empty()) return region;
  }
  return from_profile(profile, "region");
}

std::string endpoint_from_environment(std::string_view service, const std::string& profile) {
  if (lower(environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) == "true") return {};
  for (const std::string& name : {"AWS_ENDPOINT_URL_" + std::string(service), std::string("AWS_ENDPOINT_URL")}) {
    std::string endpoint = environment(name);
    if (!endpoint.empty()) return endpoint;
  }
  return from_profile(profile, "endpoint_url");
}

}  // namespace sluice::aws
