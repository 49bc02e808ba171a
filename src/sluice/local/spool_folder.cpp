#include "sluice/local/spool_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace sluice::local {
namespace {

constexpr std::string_view segment_end = ".ndjson";
constexpr std::string_view state_end = ".ndjson.state";

}  // namespace

Error system_error(std::string_view what) {
  const int code = errno;
  Error error{Fault::failed, "cannot " + std::string(what) + ": " + std::generic_category().message(code)};
  if (code == EACCES || code == EPERM || code == EROFS) {
    error.fault = Fault::denied;
    error.hint = "reading a spool needs the right to write in its folder";
  } else if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
    error.fault = Fault::transient;
    error.hint = "free some disk space, then run again";
  }
  return error;
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<void> File::read(void* to, std::size_t size, std::uint64_t offset) const {
  char* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = pread(descriptor_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read"));
    if (got == 0) return fail(Fault::conflict, "the file ends before its last message");
    at += got;
    size -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<void> File::write(const void* from, std::size_t size, std::uint64_t offset) const {
  const char* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t put = pwrite(descriptor_, at, size, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(system_error("write"));
    at += put;
    size -= static_cast<std::size_t>(put);
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<void> File::sync() const {
  if (fsync(descriptor_) != 0) return fail(system_error("write"));
  return {};
}

bool SpoolFolder::exists() const {
  struct stat facts {};
  return stat(path_.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

Result<void> SpoolFolder::make() const {
  if (mkdir(path_.c_str(), 0777) != 0 && errno != EEXIST) return fail(system_error("make the folder " + path_));
  if (!exists()) return fail(Fault::config, path_ + " is no folder", "name a folder as 'spool'");
  return {};
}

Result<void> SpoolFolder::sync() const {
  const File folder(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(system_error("open " + path_));
  return folder.sync();
}

SpoolFolder::Lock::~Lock() {
  if (descriptor_ >= 0) flock(descriptor_, LOCK_UN);
}

Result<SpoolFolder::Lock> SpoolFolder::lock() {
  if (!lock_file_) {
    lock_file_ = File(open(file(".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!lock_file_) return fail(system_error("open " + file(".lock")));
  }
  while (flock(lock_file_.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail(system_error("lock " + file(".lock")));
  }
  return Lock(lock_file_.get());
}

Result<std::vector<std::string>> SpoolFolder::segments() const {
  struct Closer {
    void operator()(DIR* folder) const { closedir(folder); }
  };
  const std::unique_ptr<DIR, Closer> folder(opendir(path_.c_str()));
  if (!folder) return fail(system_error("list " + path_));
  std::vector<std::string> names;
  std::vector<std::string> states;
  while (const dirent* entry = readdir(folder.get())) {
    std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    if (name.ends_with(state_end)) {
      states.push_back(std::move(name));
    } else if (name.ends_with(segment_end)) {
      names.push_back(std::move(name));
    }
  }
  std::ranges::sort(names);
  for (const std::string& state : states) {
    const std::string segment = state.substr(0, state.size() - state_end.size() + segment_end.size());
    // Listing and moving overlap: only what is still gone when looked at by name is gone.
    if (!std::ranges::binary_search(names, segment) && access(file(segment).c_str(), F_OK) != 0)
      unlink(file(state).c_str());
  }
  return names;
}

}  // namespace sluice::local
