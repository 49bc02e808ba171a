// The folder of a spool: its lock, its list of segments, and the few file operations that all of it needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::local {

// A file descriptor, closed at the end of its scope.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File();

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

  // All of it, or an error; a file that ends before is one too.
  Result<void> read(void* to, std::size_t size, std::uint64_t offset) const;
  Result<void> write(const void* from, std::size_t size, std::uint64_t offset) const;
  Result<void> sync() const;

 private:
  int descriptor_ = -1;
};

// "cannot <what>: <the system's reason>", by errno.
Error system_error(std::string_view what);

// One reader's or writer's view of the folder.
class SpoolFolder {
 public:
  explicit SpoolFolder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

  bool exists() const;
  Result<void> make() const;
  // Durable only after this: a rename or a new file.
  Result<void> sync() const;

  // Excludes every other reader, in this process or another, while it lives. Held for a batch, never
  // while bodies are read or anything is waited for.
  class Lock {
   public:
    explicit Lock(int descriptor) : descriptor_(descriptor) {}
    Lock(Lock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock();

   private:
    int descriptor_;
  };
  Result<Lock> lock();

  // The segments' names ("a.ndjson"), sorted. The lock must be held: state files whose segment is gone
  // are swept.
  Result<std::vector<std::string>> segments() const;

 private:
  std::string path_;
  File lock_file_;
};

}  // namespace sluice::local
