#include "sluice/cli/audit.hpp"

#include "sluice/cli/command_line.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "sluice/mask/keyring_file.hpp"

namespace sluice::cli {
namespace {

tl::unexpected<Error> not_written(const std::string& file, const std::string& why) {
  return fail(Fault::denied, "the audit log " + file + " cannot be written, so nothing is shown: " + why,
              "let it be written, or name another by --audit-log or SLUICE_AUDIT_LOG");
}

std::string user_name(uid_t uid) {
  std::array<char, 4096> room;
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, room.data(), room.size(), &found) != 0 || found == nullptr) return {};
  return entry.pw_name;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// Who logged in, also behind `sudo`. Empty where the kernel does not keep it.
Json login_uid() {
  std::ifstream in("/proc/self/loginuid");
  std::uint32_t uid = 0;
  if (!(in >> uid) || uid == static_cast<std::uint32_t>(-1)) return nullptr;
  return uid;
}

std::string line_of(const std::string& keyring, const Json& looked) {
  std::error_code ignored;
  const std::filesystem::path path = std::filesystem::absolute(keyring, ignored);
  Json line = {{"at", mask::now_text()}, {"user", user_name(getuid())},
               {"uid", getuid()},        {"login_uid", login_uid()},
               {"host", host_name()},    {"keyring", path.lexically_normal().string()}};
  for (const auto& [name, value] : looked.items()) line[name] = value;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void AuditOptions::add_to(Command command) {
  command.option("--audit-log", file, "where is written down who looked; KEYRING.audit unless given")
      .from_environment("SLUICE_AUDIT_LOG")
      .type("FILE");
}

Result<void> AuditOptions::write(const std::string& keyring, const Json& looked) const {
  const std::string name = file.empty() ? keyring + ".audit" : file;
  // Not blocking: a pipe by that name must not stop the command.
  const mask::File log(
      open(name.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (log.get() < 0) return not_written(name, std::strerror(errno));
  while (flock(log.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return not_written(name, std::strerror(errno));
  }
  struct stat facts {};
  if (fstat(log.get(), &facts) != 0) return not_written(name, std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) return not_written(name, "it is not a regular file");
  if ((facts.st_mode & 022U) != 0) return not_written(name, "others may change it (chmod 600 " + name + ")");
  std::string line = line_of(keyring, looked);
  char last = '\n';
  // A line that was cut off, by a full disk or a crash, keeps to itself.
  if (facts.st_size > 0 && pread(log.get(), &last, 1, facts.st_size - 1) == 1 && last != '\n') line.insert(0, 1, '\n');
  if (!mask::write_all(log.get(), line) || fsync(log.get()) != 0) return not_written(name, std::strerror(errno));
  return {};
}

}  // namespace sluice::cli
