// Object stores as files of DuckDB: `objects://CONNECTION/KEY` for every one, `s3://BUCKET/KEY` for those on S3, and
// `lent://N` for single objects that are handed over without a name.
//
// An object is read by ranges of the version that was found when it was opened (or listed): overwritten meanwhile, it
// is one error, never a mix. What is written is seen under its key when the file is closed, and only then. Keys stay
// what they are, byte for byte; only a glob takes * ? [ ] for more than themselves.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sluice/core/object_store.hpp"
#include "sluice/engine/duck.hpp"
#include "sluice/engine/file_store.hpp"

namespace sluice::engine {

class ObjectFiles final : public duckdb::FileSystem {
 public:
  explicit ObjectFiles(std::vector<FileStore> stores) : stores_(std::move(stores)) {}

  // Beside the lock on everything else: what DuckDB is to be allowed, as SQL.
  static const char* allowed() { return "set allowed_directories = ['objects://', 's3://', 'lent://']"; }

  // A name for this version of an object, or for what is written there (closing it does not finish it). The store, or
  // the writer, outlives its use; give_back() ends it.
  std::string lend(ObjectStore& store, const ObjectFacts& object);
  std::string lend(ObjectWriter& writer);
  void give_back(const std::string& name);

  // The error that one of our files threw, as it was; empty: the error is another's.
  static std::optional<Error> error_of(const duckdb::ErrorData& error);

  std::string GetName() const override { return "SluiceObjects"; }
  bool CanHandleFile(const std::string& path) override;
  bool CanSeek() override { return true; }
  bool OnDiskFile(duckdb::FileHandle&) override { return false; }
  bool IsPipe(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return false; }
  bool FileExists(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override;
  bool DirectoryExists(const std::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return true; }
  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& path, duckdb::FileOpener*) override;
  void Read(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes, duckdb::idx_t offset) override;
  std::int64_t Read(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes) override;
  std::int64_t Write(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes) override;
  void Seek(duckdb::FileHandle& handle, duckdb::idx_t offset) override;
  void Reset(duckdb::FileHandle& handle) override { Seek(handle, 0); }
  duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override;
  std::int64_t GetFileSize(duckdb::FileHandle& handle) override;
  duckdb::timestamp_t GetLastModifiedTime(duckdb::FileHandle& handle) override;
  std::string GetVersionTag(duckdb::FileHandle& handle) override;
  duckdb::FileType GetFileType(duckdb::FileHandle&) override { return duckdb::FileType::FILE_TYPE_REGULAR; }
  void FileSync(duckdb::FileHandle&) override {}

 protected:
  duckdb::unique_ptr<duckdb::FileHandle> OpenFileExtended(const duckdb::OpenFileInfo& file, duckdb::FileOpenFlags flags,
                                                          duckdb::optional_ptr<duckdb::FileOpener>) override;
  bool SupportsOpenFileExtended() const override { return true; }

 private:
  struct Lent {
    ObjectStore* store = nullptr;
    ObjectFacts object;
    ObjectWriter* writer = nullptr;
  };
  struct Place {
    ObjectStore* store = nullptr;
    std::string prefix;  // of the path, before the key
    std::string key;
  };
  Place place_of(const std::string& path);
  ObjectStore& opened(FileStore& store);

  std::mutex mutex_;  // guards what follows
  std::vector<FileStore> stores_;
  std::map<std::string, Lent> lent_;
  std::uint64_t lendings_ = 0;
};

}  // namespace sluice::engine
