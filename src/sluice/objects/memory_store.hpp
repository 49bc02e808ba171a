// An object store in memory, for tests: what it hands out comes in small pieces, and it can be told to change.
#pragma once

#include <algorithm>
#include <map>

#include "sluice/core/object_store.hpp"

namespace sluice::objects {

class MemoryStore : public ObjectStore {
 public:
  struct Object {
    std::string bytes;
    std::string version;
  };

  void set(const std::string& key, std::string bytes) { objects_[key] = {std::move(bytes), next_version()}; }
  void erase(const std::string& key) { objects_.erase(key); }
  const std::map<std::string, Object>& objects() const { return objects_; }
  std::string& bytes(const std::string& key) { return objects_.at(key).bytes; }
  ObjectFacts facts(const std::string& key) const { return facts_of(key, objects_.at(key)); }

  std::size_t piece_bytes = 1000;                                      // of what a reader hands out
  std::function<void(const std::string& key, std::uint64_t)> on_read;  // before each piece: at which offset

  Result<void> list(const std::string& prefix, const std::function<bool(ObjectFacts)>& each) override {
    for (const auto& [key, object] : objects_) {
      if (key.starts_with(prefix) && !each(facts_of(key, object))) break;
    }
    return {};
  }
  Result<std::optional<ObjectFacts>> head(const std::string& key) override {
    const auto found = objects_.find(key);
    if (found == objects_.end()) return std::nullopt;
    return facts_of(key, found->second);
  }
  Result<std::string> read(const std::string& key, const std::string& version, std::uint64_t offset,
                           std::size_t length) override {
    if (on_read) on_read(key, offset);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return fail(Fault::conflict, "there is no object " + uri(key));
    if (!version.empty() && version != found->second.version)
      return fail(Fault::conflict, uri(key) + " was overwritten");
    const std::string& bytes = found->second.bytes;
    return offset >= bytes.size() ? std::string() : bytes.substr(offset, length);
  }
  Result<std::unique_ptr<ObjectReader>> open_reader(const ObjectFacts& object, std::uint64_t offset) override {
    return std::make_unique<Reader>(*this, object, offset);
  }
  Result<ObjectFacts> put(const std::string& key, std::string_view bytes, const PutOptions& options) override {
    SLUICE_CHECK(holds(key, options.condition));
    set(key, std::string(bytes));
    return facts(key);
  }
  Result<std::unique_ptr<ObjectWriter>> open_writer(const std::string& key, const PutOptions& options) override {
    return std::make_unique<Writer>(*this, key, options.condition);
  }
  Result<void> remove(const std::string& key) override {
    objects_.erase(key);
    return {};
  }
  Result<std::vector<UnfinishedUpload>> unfinished(std::chrono::hours) override {
    return std::vector<UnfinishedUpload>{};
  }
  Result<void> abort(const UnfinishedUpload&) override { return {}; }
  Result<std::string> presign(const std::string& key, std::chrono::seconds) override { return uri(key); }
  std::string uri(const std::string& key) const override { return "memory/" + key; }
  std::map<std::string, std::uint64_t> calls() const override { return {}; }
  std::vector<Finding> probe() override { return {}; }

 private:
  class Reader final : public ObjectReader {
   public:
    Reader(MemoryStore& store, ObjectFacts object, std::uint64_t offset)
        : store_(store), object_(std::move(object)), offset_(offset) {}
    Result<std::string_view> next() override {
      SLUICE_TRY(piece_, store_.read(object_.key, object_.version, offset_, store_.piece_bytes));
      offset_ += piece_.size();
      return std::string_view(piece_);
    }

   private:
    MemoryStore& store_;
    ObjectFacts object_;
    std::uint64_t offset_;
    std::string piece_;
  };
  class Writer final : public ObjectWriter {
   public:
    Writer(MemoryStore& store, std::string key, PutCondition condition)
        : store_(store), key_(std::move(key)), condition_(std::move(condition)) {}
    Result<void> write(std::string_view bytes) override {
      bytes_ += bytes;
      return {};
    }
    Result<ObjectFacts> finish() override {
      SLUICE_CHECK(store_.holds(key_, condition_));
      store_.set(key_, std::move(bytes_));
      return store_.facts(key_);
    }

   private:
    MemoryStore& store_;
    std::string key_;
    PutCondition condition_;
    std::string bytes_;
  };

  Result<void> holds(const std::string& key, const PutCondition& condition) const {
    const auto found = objects_.find(key);
    const bool there = found != objects_.end();
    const bool wrong_version =
        !condition.if_version.empty() && (!there || found->second.version != condition.if_version);
    if (!wrong_version && !(condition.if_absent && there)) return {};
    return fail(Fault::conflict, "another writer has written " + key);
  }

  static ObjectFacts facts_of(const std::string& key, const Object& object) {
    return {key, object.bytes.size(), object.version, 0};
  }
  std::string next_version() { return "v" + std::to_string(++versions_); }

  std::map<std::string, Object> objects_;
  std::uint64_t versions_ = 0;
};

}  // namespace sluice::objects
