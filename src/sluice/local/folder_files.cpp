#include "sluice/local/folder_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <random>

#include "sluice/local/folder_store.hpp"

namespace sluice::local {
namespace {

constexpr std::size_t name_bytes_max = 255;  // Linux's limit for one name

Result<void> sync_folder(const std::string& path) {
  const File folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return fail(folder_error("open " + path));
  return folder.sync();
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

Error folder_error(std::string_view what) {
  const int code = errno;
  Error error = system_error(what);
  if (code == EACCES || code == EPERM || code == EROFS) error.hint = "check who may read and write the folder";
  if (code == ENOTDIR || code == EISDIR || code == ENOTEMPTY) {
    error.fault = Fault::conflict;
    error.hint = "in a folder a key cannot be a file and the beginning of other keys at once";
  }
  return error;
}

std::string why_no_path(std::string_view key) {
  if (key.empty()) return "is empty";
  if (key.find('\0') != std::string_view::npos) return "holds a zero byte";
  if (key.front() == '/') return "begins with /";
  if (key.back() == '/') return "ends with /";
  std::string_view rest = key;
  for (bool first = true; !rest.empty(); first = false) {
    const std::string_view name = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name.empty()) return "holds //";
    if (name == "." || name == "..") return "holds the step " + std::string(name);
    if (name.size() > name_bytes_max) return "holds a name of more than 255 bytes";
    if (first && name == own_folder) return "begins with .sluice, which is Sluice's own";
  }
  return {};
}

Result<std::string> FolderFiles::path_of(const std::string& key) const {
  const std::string why = why_no_path(key);
  if (!why.empty()) {
    return fail(Fault::config, "files " + root_ + ": a key " + why + ", so it is no file below the folder",
                "keys of a folder are relative paths; S3 takes any");
  }
  return root_ + "/" + key;
}

std::string FolderFiles::own_path(std::string_view name) const {
  return root_ + "/" + std::string(own_folder) + "/" + std::string(name);
}

ObjectFacts FolderFiles::facts_of(const std::string& key, const struct stat& stat) {
  const std::int64_t nanos = stat.st_mtim.tv_sec * 1'000'000'000 + stat.st_mtim.tv_nsec;
  std::array<char, 64> version{};
  std::snprintf(version.data(), version.size(), "%llx-%llx-%llx", static_cast<unsigned long long>(stat.st_ino),
                static_cast<unsigned long long>(stat.st_size), static_cast<unsigned long long>(nanos));
  return {key, static_cast<std::uint64_t>(stat.st_size), version.data(), nanos / 1000};
}

Result<std::optional<ObjectFacts>> FolderFiles::look(const std::string& key, const std::string& path) const {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return fail(folder_error("look at " + path));
  }
  if (!S_ISREG(found.st_mode)) return std::nullopt;
  return facts_of(key, found);
}

Result<void> FolderFiles::make_folders(const std::string& root, const std::string& path) {
  for (std::size_t at = path.find('/', root.size() + 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    if (mkdir(folder.c_str(), 0777) == 0) {
      SLUICE_CHECK(sync_folder(parent_of(folder)));
      continue;
    }
    struct stat found {};
    if (errno == EEXIST && stat(folder.c_str(), &found) == 0 && !S_ISDIR(found.st_mode)) errno = ENOTDIR;
    if (errno != EEXIST) return fail(folder_error("make the folder " + folder));
  }
  return {};
}

Result<FolderFiles::Unfinished> FolderFiles::begin(const std::string& key) const {
  const std::string own = root_ + "/" + std::string(own_folder);
  if (mkdir(root_.c_str(), 0777) != 0 && errno != EEXIST) return fail(folder_error("make the folder " + root_));
  if (mkdir(own.c_str(), 0777) != 0 && errno != EEXIST) return fail(folder_error("make the folder " + own));
  std::random_device random;
  std::array<char, 40> id{};
  std::snprintf(id.data(), id.size(), "%016llx-%08x%08x", static_cast<unsigned long long>(clock_.now_micros()),
                random(), random());
  Unfinished made{id.data(), File()};
  const File name(
      open(own_path(made.id + std::string(key_end)).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!name) return fail(folder_error("make a file in " + own));
  SLUICE_CHECK(name.write(key.data(), key.size(), 0));
  made.file =
      File(open(own_path(made.id + std::string(part_end)).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!made.file) return fail(folder_error("make a file in " + own));
  return made;
}

Result<void> FolderFiles::check(const std::string& key, const std::string& path, const PutCondition& condition) const {
  if (!condition.if_absent && condition.if_version.empty()) return {};
  SLUICE_TRY(const auto there, look(key, path));
  if (condition.if_absent && there) {
    return fail(Fault::conflict, "another writer has written " + uri(key) + ": it is there already",
                "look at what is there, then run again");
  }
  if (!condition.if_version.empty() && (!there || there->version != condition.if_version)) {
    return fail(Fault::conflict,
                "another writer has written " + uri(key) + ": it is " + (there ? "another version" : "gone"),
                "look at what is there, then run again");
  }
  return {};
}

Result<ObjectFacts> FolderFiles::publish(const std::string& key, const Unfinished& unfinished,
                                         const PutCondition& condition) const {
  SLUICE_TRY(const std::string path, path_of(key));
  SLUICE_CHECK(unfinished.file.sync());
  SLUICE_CHECK(make_folders(root_, path));
  const File lock(open(own_path("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock) return fail(folder_error("open " + own_path("lock")));
  while (flock(lock.get(), LOCK_EX) != 0) {  // let go with the descriptor
    if (errno != EINTR) return fail(folder_error("lock " + own_path("lock")));
  }
  SLUICE_CHECK(check(key, path, condition));
  // The kernel's clock stands still for milliseconds, in which a file could be replaced by one of equal size at the
  // inode of the one before; a time of our own that only grows tells them apart.
  static std::atomic<std::int64_t> last{0};
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  std::int64_t nanos = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  std::int64_t before = last.load();
  do {
    nanos = std::max(nanos, before + 1);
  } while (!last.compare_exchange_weak(before, nanos));
  const std::array<timespec, 2> times{
      {{nanos / 1'000'000'000, nanos % 1'000'000'000}, {nanos / 1'000'000'000, nanos % 1'000'000'000}}};
  if (futimens(unfinished.file.get(), times.data()) != 0) return fail(folder_error("set the time of " + path));
  if (rename(own_path(unfinished.id + std::string(part_end)).c_str(), path.c_str()) != 0) {
    return fail(folder_error("put " + path + " in its place"));
  }
  SLUICE_CHECK(sync_folder(parent_of(path)));
  unlink(own_path(unfinished.id + std::string(key_end)).c_str());
  struct stat made {};
  if (fstat(unfinished.file.get(), &made) != 0) return fail(folder_error("look at " + path));
  return facts_of(key, made);
}

void FolderFiles::discard(const std::string& id) const {
  unlink(own_path(id + std::string(part_end)).c_str());
  unlink(own_path(id + std::string(key_end)).c_str());
}

}  // namespace sluice::local
