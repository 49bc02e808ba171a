// The file operations of the folder store: how a file is found, told from its next version, and put in its place.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "sluice/core/clock.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/local/spool_folder.hpp"

namespace sluice::local {

inline constexpr std::string_view own_folder = ".sluice";
inline constexpr std::string_view part_end = ".part";
inline constexpr std::string_view key_end = ".key";

class FolderFiles {
 public:
  FolderFiles(std::string root, const Clock& clock) : root_(std::move(root)), clock_(clock) {}

  const std::string& root() const { return root_; }
  std::string uri(std::string_view key) const { return root_ + "/" + std::string(key); }
  Result<std::string> path_of(const std::string& key) const;
  std::string own_path(std::string_view name) const;  // of a file in .sluice

  // Empty: no regular file has that path.
  Result<std::optional<ObjectFacts>> look(const std::string& key, const std::string& path) const;
  static ObjectFacts facts_of(const std::string& key, const struct stat& stat);

  // A file in .sluice for bytes on their way, and the id it has there.
  struct Unfinished {
    std::string id;
    File file;
  };
  Result<Unfinished> begin(const std::string& key) const;
  // Moves it to its place if the condition holds.
  Result<ObjectFacts> publish(const std::string& key, const Unfinished& unfinished,
                              const PutCondition& condition) const;
  void discard(const std::string& id) const;

 private:
  Result<void> check(const std::string& key, const std::string& path, const PutCondition& condition) const;
  static Result<void> make_folders(const std::string& root, const std::string& path);

  std::string root_;
  const Clock& clock_;
};

Error folder_error(std::string_view what);

}  // namespace sluice::local
