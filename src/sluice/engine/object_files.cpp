#include "sluice/engine/object_files.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "sluice/core/words.hpp"

namespace sluice::engine {
namespace {

constexpr std::string_view objects_scheme = "objects://";
constexpr std::string_view s3_scheme = "s3://";
constexpr std::string_view lent_scheme = "lent://";

// Reads below this size take a block with them, so that many small ones are few calls.
constexpr std::uint64_t block_bytes = 64U << 10U;
constexpr std::size_t blocks_max = 8;

[[noreturn]] void raise(const Error& error) {
  throw duckdb::IOException(
      error.message, std::unordered_map<std::string, std::string>{
                         {"sluice_fault", std::to_string(static_cast<int>(error.fault))}, {"sluice_hint", error.hint}});
}

template <class T>
T or_raise(Result<T> result) {
  if (!result) raise(result.error());
  return *std::move(result);
}

struct Block {
  std::uint64_t offset = 0;
  std::string bytes;
};

class ReadHandle final : public duckdb::FileHandle {
 public:
  ReadHandle(duckdb::FileSystem& files, const std::string& name, duckdb::FileOpenFlags flags_of, ObjectStore& store,
             ObjectFacts object)
      : FileHandle(files, name, flags_of), store_(store), object_(std::move(object)) {}
  void Close() override {}

  const ObjectFacts& object() const { return object_; }

  void read(char* to, std::uint64_t bytes, std::uint64_t offset) {
    if (offset + bytes > object_.bytes) {
      raise({Fault::conflict, store_.uri(object_.key) + ": something beyond its end is asked for; it is cut off",
             "write the object again"});
    }
    if (bytes >= block_bytes) {
      const std::string read = fetch(offset, bytes);
      std::memcpy(to, read.data(), read.size());
      return;
    }
    while (bytes > 0) {
      const std::lock_guard lock(mutex_);
      const Block& block = block_at(offset);
      const std::uint64_t at = offset - block.offset;
      const std::uint64_t count = std::min<std::uint64_t>(bytes, block.bytes.size() - at);
      std::memcpy(to, block.bytes.data() + at, count);
      to += count;
      offset += count;
      bytes -= count;
    }
  }

  std::uint64_t position = 0;

 private:
  std::string fetch(std::uint64_t offset, std::uint64_t bytes) {
    std::string read = or_raise(store_.read(object_.key, object_.version, offset, bytes));
    if (read.size() != bytes)
      raise({Fault::conflict, store_.uri(object_.key) + " was overwritten while it was read", "run again"});
    return read;
  }

  // The block that holds this byte. One that was fetched anew begins there, or earlier where the object ends: formats
  // with a footer look at the end first, and then a little before it.
  const Block& block_at(std::uint64_t offset) {
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
      if (offset < block->offset || offset >= block->offset + block->bytes.size()) continue;
      if (block != blocks_.begin()) {
        Block found = std::move(*block);
        blocks_.erase(block);
        blocks_.push_front(std::move(found));
      }
      return blocks_.front();
    }
    const std::uint64_t last = object_.bytes > block_bytes ? object_.bytes - block_bytes : 0;
    const std::uint64_t begin = std::min(offset, last);
    Block block{begin, fetch(begin, std::min(block_bytes, object_.bytes - begin))};
    if (blocks_.size() == blocks_max) blocks_.pop_back();
    blocks_.push_front(std::move(block));
    return blocks_.front();
  }

  ObjectStore& store_;
  ObjectFacts object_;
  std::mutex mutex_;          // DuckDB's threads share a handle; guards what follows
  std::deque<Block> blocks_;  // the last one used first
};

class WriteHandle final : public duckdb::FileHandle {
 public:
  WriteHandle(duckdb::FileSystem& files, const std::string& name, duckdb::FileOpenFlags flags_of,
              std::unique_ptr<ObjectWriter> own, ObjectWriter* lent)
      : FileHandle(files, name, flags_of), own_(std::move(own)), writer_(lent != nullptr ? lent : own_.get()) {}
  void Close() override {
    writer_ = nullptr;
    if (const auto finishing = std::move(own_)) or_raise(finishing->finish());
  }

  void write(std::string_view bytes) {
    if (writer_ == nullptr) raise({Fault::failed, path + ": written to after it was closed"});
    if (auto written = writer_->write(bytes); !written) raise(written.error());
    bytes_ += bytes.size();
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::unique_ptr<ObjectWriter> own_;  // aborted where Close() is not reached
  ObjectWriter* writer_;
  std::uint64_t bytes_ = 0;
};

ReadHandle& reading(duckdb::FileHandle& handle) {
  auto* read = dynamic_cast<ReadHandle*>(&handle);
  if (read == nullptr) raise({Fault::failed, handle.path + ": it is being written and cannot be read"});
  return *read;
}

// The version that a listing found, given from Glob() to OpenFile().
std::optional<ObjectFacts> listed(const duckdb::OpenFileInfo& file, const std::string& key) {
  if (!file.extended_info) return std::nullopt;
  const auto& options = file.extended_info->options;
  const auto version = options.find("etag");
  const auto bytes = options.find("file_size");
  const auto modified = options.find("last_modified");
  if (version == options.end() || bytes == options.end() || modified == options.end()) return std::nullopt;
  return ObjectFacts{key, bytes->second.GetValue<std::uint64_t>(), version->second.GetValue<std::string>(),
                     modified->second.GetValue<duckdb::timestamp_t>().value};
}

duckdb::OpenFileInfo info_of(const std::string& prefix, const ObjectFacts& object) {
  duckdb::OpenFileInfo info(prefix + object.key);
  info.extended_info = duckdb::make_shared_ptr<duckdb::ExtendedOpenFileInfo>();
  auto& options = info.extended_info->options;
  options["etag"] = duckdb::Value(object.version);
  options["file_size"] = duckdb::Value::UBIGINT(object.bytes);
  options["last_modified"] = duckdb::Value::TIMESTAMP(duckdb::timestamp_t(object.modified));
  return info;
}

}  // namespace

std::string ObjectFiles::lend(ObjectStore& store, const ObjectFacts& object) {
  const std::lock_guard lock(mutex_);
  std::string name = std::string(lent_scheme) + std::to_string(++lendings_);
  lent_[name] = {&store, object, nullptr};
  return name;
}

std::string ObjectFiles::lend(ObjectWriter& writer) {
  const std::lock_guard lock(mutex_);
  std::string name = std::string(lent_scheme) + std::to_string(++lendings_);
  lent_[name] = {nullptr, {}, &writer};
  return name;
}

void ObjectFiles::give_back(const std::string& name) {
  const std::lock_guard lock(mutex_);
  lent_.erase(name);
}

std::optional<Error> ObjectFiles::error_of(const duckdb::ErrorData& error) {
  const auto& extra = error.ExtraInfo();
  const auto fault = extra.find("sluice_fault");
  const auto hint = extra.find("sluice_hint");
  if (fault == extra.end() || hint == extra.end()) return std::nullopt;
  // Without the line of SQL that DuckDB quotes.
  const std::string& message = error.RawMessage();
  return Error{static_cast<Fault>(std::stoi(fault->second)), message.substr(0, message.find("\n\nLINE ")),
               hint->second};
}

// Also what is only nearly a path of ours: nothing that begins so may be taken for a local file.
bool ObjectFiles::CanHandleFile(const std::string& path) {
  return path.starts_with("objects:") || path.starts_with("s3:") || path.starts_with("lent:");
}

ObjectStore& ObjectFiles::opened(FileStore& store) {
  if (!store.store) store.store = or_raise(store.open());
  return *store.store;
}

ObjectFiles::Place ObjectFiles::place_of(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> known;
  for (FileStore& store : stores_) {
    const std::string prefix = std::string(objects_scheme) + store.connection + "/";
    if (path.starts_with(prefix)) return {&opened(store), prefix, path.substr(prefix.size())};
    known.push_back(prefix);
  }
  if (path.starts_with(s3_scheme)) {
    std::vector<std::string> buckets;
    Place place;
    for (FileStore& store : stores_) {
      if (!store.on_s3) continue;
      const std::string prefix = opened(store).uri("");
      if (path.starts_with(prefix)) {
        if (place.store != nullptr) {
          raise({Fault::config, "several connections have the bucket " + prefix,
                 "name one of them: " + join(known, ", ")});
        }
        place = {store.store.get(), prefix, path.substr(prefix.size())};
      }
      buckets.push_back(prefix);
    }
    if (place.store != nullptr) return place;
    raise({Fault::config, "no connection of the project has the bucket of " + path,
           buckets.empty() ? "add a connection: { s3: BUCKET }" : "known are " + join(buckets, ", ")});
  }
  raise({Fault::config, "no object store of the project has " + path,
         known.empty() ? "add a connection: { s3: BUCKET } or { files: FOLDER }" : "known are " + join(known, ", ")});
}

duckdb::unique_ptr<duckdb::FileHandle> ObjectFiles::OpenFileExtended(const duckdb::OpenFileInfo& file,
                                                                     duckdb::FileOpenFlags flags,
                                                                     duckdb::optional_ptr<duckdb::FileOpener>) {
  const std::string& path = file.path;
  if (path.starts_with(lent_scheme)) {
    Lent lent;
    {
      const std::lock_guard lock(mutex_);
      const auto found = lent_.find(path);
      if (found == lent_.end()) raise({Fault::config, "there is no " + path});
      lent = found->second;
    }
    if (lent.writer != nullptr) return duckdb::make_uniq<WriteHandle>(*this, path, flags, nullptr, lent.writer);
    return duckdb::make_uniq<ReadHandle>(*this, path, flags, *lent.store, lent.object);
  }
  const Place place = place_of(path);
  if (flags.OpenForWriting()) {
    if (flags.OpenForReading() || flags.OpenForAppending())
      raise({Fault::config, path + ": an object is written anew, not changed"});
    PutOptions options;
    options.condition.if_absent = flags.ExclusiveCreate();
    return duckdb::make_uniq<WriteHandle>(*this, path, flags, or_raise(place.store->open_writer(place.key, options)),
                                          nullptr);
  }
  std::optional<ObjectFacts> object = listed(file, place.key);
  if (!object) object = or_raise(place.store->head(place.key));
  if (!object) {
    if (flags.ReturnNullIfNotExists()) return nullptr;
    raise({Fault::conflict, "there is no object " + place.store->uri(place.key), "check the key"});
  }
  return duckdb::make_uniq<ReadHandle>(*this, path, flags, *place.store, *std::move(object));
}

bool ObjectFiles::FileExists(const std::string& path, duckdb::optional_ptr<duckdb::FileOpener>) {
  const Place place = place_of(path);
  return or_raise(place.store->head(place.key)).has_value();
}

duckdb::vector<duckdb::OpenFileInfo> ObjectFiles::Glob(const std::string& path, duckdb::FileOpener*) {
  duckdb::vector<duckdb::OpenFileInfo> found;
  if (path.starts_with(lent_scheme)) {
    found.emplace_back(path);
    return found;
  }
  const Place place = place_of(path);
  const bool is_glob = place.key.find_first_of("*?[") != std::string::npos;
  const ObjectNames names{is_glob ? ObjectNames::By::glob : ObjectNames::By::key, place.key};
  for (const ObjectFacts& object : or_raise(find_objects(*place.store, names))) {
    found.push_back(info_of(place.prefix, object));
  }
  return found;
}

void ObjectFiles::Read(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes, duckdb::idx_t offset) {
  reading(handle).read(static_cast<char*>(buffer), static_cast<std::uint64_t>(bytes), offset);
}

std::int64_t ObjectFiles::Read(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes) {
  ReadHandle& file = reading(handle);
  const std::uint64_t left = file.object().bytes - std::min(file.position, file.object().bytes);
  const std::uint64_t count = std::min(left, static_cast<std::uint64_t>(bytes));
  file.read(static_cast<char*>(buffer), count, file.position);
  file.position += count;
  return static_cast<std::int64_t>(count);
}

std::int64_t ObjectFiles::Write(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes) {
  auto* file = dynamic_cast<WriteHandle*>(&handle);
  if (file == nullptr) raise({Fault::failed, handle.path + ": it is being read and cannot be written"});
  file->write({static_cast<const char*>(buffer), static_cast<std::size_t>(bytes)});
  return bytes;
}

void ObjectFiles::Seek(duckdb::FileHandle& handle, duckdb::idx_t offset) { reading(handle).position = offset; }
duckdb::idx_t ObjectFiles::SeekPosition(duckdb::FileHandle& handle) { return reading(handle).position; }

std::int64_t ObjectFiles::GetFileSize(duckdb::FileHandle& handle) {
  if (const auto* file = dynamic_cast<WriteHandle*>(&handle)) return static_cast<std::int64_t>(file->bytes());
  return static_cast<std::int64_t>(reading(handle).object().bytes);
}

duckdb::timestamp_t ObjectFiles::GetLastModifiedTime(duckdb::FileHandle& handle) {
  return duckdb::timestamp_t(reading(handle).object().modified);
}

std::string ObjectFiles::GetVersionTag(duckdb::FileHandle& handle) { return reading(handle).object().version; }

}  // namespace sluice::engine
