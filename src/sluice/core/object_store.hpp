// A connection in the role of an object store: whole objects under keys, read by ranges, written at once.
//
// A key is any bytes, never normalised. An object's version changes whenever it is overwritten; what is read with a
// version comes from that version only, or is an error. Every function may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/finding.hpp"
#include "sluice/core/result.hpp"

namespace sluice {

struct ObjectFacts {
  std::string key;
  std::uint64_t bytes = 0;
  std::string version;        // the ETag, with its quotes taken off; for a folder a mark of the file's own
  std::int64_t modified = 0;  // microseconds since 1970 UTC
};

// What must hold of the key at the moment an object is published; else the error is a conflict.
struct PutCondition {
  bool if_absent = false;
  std::string if_version{};  // empty: any
};

struct PutOptions {
  std::string content_type = "application/octet-stream";
  PutCondition condition{};
};

// Bytes of one object in their order, fetched ahead in bounded memory. One thread at a time.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // The next bytes, at most a few MiB; empty at the end. The view is valid until the next call.
  // Overwritten meanwhile: an error (conflict) that names the object.
  virtual Result<std::string_view> next() = 0;
};

// One object on its way. Nothing can be seen under its key until finish(); destroyed before that, it is aborted.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual Result<void> write(std::string_view bytes) = 0;
  // Publishes it, looks at size and checksum of what is there, and gives its facts. The outcome of a lost reply is
  // looked up, not guessed.
  virtual Result<ObjectFacts> finish() = 0;
};

struct UnfinishedUpload {
  std::string key;
  std::string id;
  std::int64_t started = 0;  // microseconds since 1970 UTC
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Every object whose key begins with `prefix`, in the order of the keys' bytes; `each` may end it by false.
  virtual Result<void> list(const std::string& prefix, const std::function<bool(ObjectFacts)>& each) = 0;
  // Empty: there is none.
  virtual Result<std::optional<ObjectFacts>> head(const std::string& key) = 0;

  // Exactly these bytes (fewer only at the object's end). With a version: of that one, else an error (conflict).
  virtual Result<std::string> read(const std::string& key, const std::string& version, std::uint64_t offset,
                                   std::size_t length) = 0;
  // From `offset` to the end of `object`, as its facts were found.
  virtual Result<std::unique_ptr<ObjectReader>> open_reader(const ObjectFacts& object, std::uint64_t offset) = 0;

  // A small object in one go.
  virtual Result<ObjectFacts> put(const std::string& key, std::string_view bytes, const PutOptions& options) = 0;
  virtual Result<std::unique_ptr<ObjectWriter>> open_writer(const std::string& key, const PutOptions& options) = 0;
  // No error if it is gone already.
  virtual Result<void> remove(const std::string& key) = 0;

  // Uploads that were begun and neither finished nor aborted, older than `age`.
  virtual Result<std::vector<UnfinishedUpload>> unfinished(std::chrono::hours age) = 0;
  virtual Result<void> abort(const UnfinishedUpload& upload) = 0;

  // A URL that fetches the object without credentials, for at most 7 days (longer: config).
  virtual Result<std::string> presign(const std::string& key, std::chrono::seconds expires) = 0;

  // Where a key stands, for messages and the ledger: "s3://bucket/key".
  virtual std::string uri(const std::string& key) const = 0;
  // Calls made so far, by kind ("GetObject": 12).
  virtual std::map<std::string, std::uint64_t> calls() const = 0;
  virtual std::vector<Finding> probe() = 0;
};

// Whether `key` is matched: * and ? do not cross "/", ** does, [abc] and [!abc] as in a shell; `**/` at a level's
// beginning is any levels, or none. A folder marker (a key that ends in "/") is never matched.
bool glob_matches(std::string_view pattern, std::string_view key);
// What every match begins with: the prefix to list.
std::string glob_prefix(std::string_view pattern);

// Which objects a flow reads: one by its exact key, or all that a glob or a prefix names.
struct ObjectNames {
  enum class By { key, glob, prefix };
  By by = By::key;
  std::string text;
};

// In the order of the keys' bytes, without folder markers. An exact key that is not there is an error (conflict).
Result<std::vector<ObjectFacts>> find_objects(ObjectStore& store, const ObjectNames& names);

}  // namespace sluice
