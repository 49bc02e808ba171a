#include "sluice/local/duckdb_hold.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>

namespace sluice::local {
namespace {

class Lock {
 public:
  explicit Lock(int descriptor) : descriptor_(descriptor) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { close(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace

Result<std::shared_ptr<const void>> hold_file(const std::string& file) {
  // Opened twice, a process would stand in its own way.
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const Lock>> held;
  const std::lock_guard guard(mutex);
  const std::string name = file + ".serve.lock";
  if (std::shared_ptr<const Lock> ours = held[name].lock()) return ours;
  const int descriptor = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    return fail(errno == EACCES || errno == EROFS ? Fault::denied : Fault::failed,
                "cannot open " + name + ": " + std::strerror(errno), "servers lock this file beside the database");
  }
  auto lock = std::make_shared<const Lock>(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return nullptr;
    return fail(Fault::failed, "cannot lock " + name + ": " + std::strerror(errno));
  }
  held[name] = lock;
  return lock;
}

}  // namespace sluice::local
