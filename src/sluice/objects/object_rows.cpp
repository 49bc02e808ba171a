#include "sluice/objects/object_rows.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <deque>
#include <nlohmann/json.hpp>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/objects/byte_stream.hpp"
#include "sluice/objects/row_cutter.hpp"

namespace sluice::objects {
namespace {

constexpr std::size_t objects_ahead_max = 16;
constexpr std::uint64_t ahead_bytes_max = std::uint64_t{4} << 20U;
constexpr std::size_t padding = 64;  // readable behind each row, as decoders want it

std::uint64_t hash_of(const ObjectProof& object) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const std::string* text : {&object.uri, &object.version}) {
    for (const char c : *text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    hash *= 0x100000001b3U;  // a NUL between them
  }
  return hash;
}

Key key_of(std::uint64_t object, std::uint64_t line) {
  Key key;
  for (std::size_t i = 0; i < 8; ++i) {
    key.bytes[i] = static_cast<std::uint8_t>(object >> (56 - 8 * i));
    key.bytes[8 + i] = static_cast<std::uint8_t>(line >> (56 - 8 * i));
  }
  return key;
}

class ObjectRows final : public Parts {
 public:
  ObjectRows(ObjectStore& store, std::vector<ObjectFacts> objects, RowsOptions options)
      : store_(store), objects_(std::move(objects)), options_(std::move(options)), cutter_(options_.dialect) {}

  Result<void> start(const Known& known) override {
    known_ = known;
    next_ = 0;
    from_ = {};
    stream_.reset();
    ahead_.clear();
    ahead_bytes_ = 0;
    return {};
  }

  Result<void> go_on_from(const Progress& upto) override {
    from_ = upto;
    return {};
  }

  Result<bool> next(Delivery& part) override {
    part.messages.clear();
    part.memory.reset();
    part.bytes = 0;
    while (true) {
      if (!stream_) {
        ask_ahead();
        if (ahead_.empty()) return false;
        SLUICE_CHECK(noted(open()));
      }
      SLUICE_TRY(const bool more, noted(fill(part)));
      if (!more) stream_.reset();
      if (!part.messages.empty()) {
        part.memory = std::make_shared<const Held>(chunk_, attributes_);
        part.upto = {rows_, read_ - cutter_.rest().size(), cutter_.line()};
        return true;
      }
    }
  }

  Result<void> look_again(std::vector<ObjectProof>& objects) override {
    if (!overwritten_) return {};
    overwritten_ = false;
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      SLUICE_TRY(auto facts, store_.head(objects_[i].key));
      if (!facts) return fail(Fault::conflict, store_.uri(objects_[i].key) + " was removed while it was read");
      objects_[i] = *std::move(facts);
      objects[i] = proof_of(store_, objects_[i]);
    }
    return {};
  }

 private:
  using Chunk = std::string;
  // What the messages of a part view.
  struct Held {
    Held(std::shared_ptr<Chunk> the_chunk, std::shared_ptr<const std::string> the_attributes)
        : chunk(std::move(the_chunk)), attributes(std::move(the_attributes)) {}
    std::shared_ptr<Chunk> chunk;
    std::shared_ptr<const std::string> attributes;
  };

  const ObjectFacts& object() const { return objects_[object_]; }

  // An object that was overwritten is read again from its start, in its new version.
  template <class T>
  Result<T> noted(Result<T> result) {
    if (result) return result;
    Error error = std::move(result).error();
    const std::string uri = store_.uri(object().key);
    if (!error.message.starts_with(uri)) error = std::move(error).within(uri);
    if (const auto facts = store_.head(object().key); facts && *facts && (*facts)->version != object().version) {
      overwritten_ = true;
      SLUICE_CRASH_POINT("C4_overwritten");
      error = {Fault::transient, uri + ": was overwritten while it was read", "run again when it stays as it is"};
    }
    return fail(std::move(error));
  }

  // Small objects are asked for several at once, so that what one call takes is waited for once.
  void ask_ahead() {
    for (; next_ < objects_.size(); ++next_) {
      if (known_.at(next_)) continue;
      const std::uint64_t bytes = objects_[next_].bytes;
      const bool room = ahead_.size() < objects_ahead_max && ahead_bytes_ + bytes <= ahead_bytes_max;
      if (!ahead_.empty() && !room) return;
      ahead_.push_back({next_, store_.open_reader(objects_[next_], 0)});
      ahead_bytes_ += bytes;
    }
  }

  Result<void> open() {
    Ahead first = std::move(ahead_.front());
    ahead_.pop_front();
    object_ = first.object;
    ahead_bytes_ -= object().bytes;
    SLUICE_TRY(auto reader, std::move(first.reader));
    ask_ahead();
    const Compression compression = compression_of(options_.dialect.compression, object().key);
    SLUICE_TRY(stream_, open_stream(std::move(reader), compression));
    hash_ = hash_of(proof_of(store_, object()));
    cutter_ = RowCutter(options_.dialect);
    filled_ = 0;
    at_end_ = false;
    blank_rows_ = options_.one_column;
    rows_ = 0;
    read_ = 0;
    origin_ = {store_.uri(object().key), {}, "line"};
    cutter_.feed({}, false);
    if (options_.dialect.format == Format::csv && options_.dialect.csv.header) {
      SLUICE_CHECK(read_header());
    } else {
      SLUICE_CHECK(read_more());
      SLUICE_CHECK(begin_text());
      attributes_ = std::make_shared<const std::string>(pack_origin(origin_, object().version));
    }
    return from_.rows > 0 ? skip(compression) : Result<void>{};
  }

  // Goes on where an earlier transaction ended. Packed bytes can only be read from their beginning.
  Result<void> skip(Compression compression) {
    const bool packed = compression != Compression::none;
    SLUICE_TRY(auto reader, store_.open_reader(object(), packed ? 0 : from_.offset));
    SLUICE_TRY(stream_, open_stream(std::move(reader), compression));
    read_ = packed ? 0 : from_.offset;
    std::string scratch(std::size_t{1} << 20U, '\0');
    while (read_ < from_.offset) {
      const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(scratch.size(), from_.offset - read_));
      SLUICE_TRY(const std::size_t count, stream_->read(scratch.data(), most));
      if (count == 0) return fail(Fault::data, "the object is shorter than what was loaded of it");
      read_ += count;
    }
    cutter_ = RowCutter(options_.dialect);
    cutter_.begin_at(from_.line);
    at_end_ = false;
    rows_ = from_.rows;
    from_ = {};
    return {};
  }

  Result<void> read_header() {
    std::optional<CutRow> row;
    bool first = true;
    while (true) {
      SLUICE_CHECK(read_more());
      if (first) SLUICE_CHECK(begin_text());
      first = false;
      row = cutter_.next();
      if (row || at_end_) break;
      if (cutter_.rest().size() > options_.row_bytes_max) break;
    }
    if (!row || row->text.empty()) {
      return fail(Fault::data,
                  at_end_ && !row ? "the object is empty, not even a header is there" : "the first line is no header",
                  "write it again with a header, or say `header: false`");
    }
    origin_.header = row->text;
    // With one column an empty line is a row.
    blank_rows_ = row->text.find(options_.dialect.csv.delimiter) == std::string_view::npos;
    attributes_ = std::make_shared<const std::string>(pack_origin(origin_, object().version));
    return options_.check_header ? options_.check_header(origin_.header) : Result<void>{};
  }

  // Behind a byte order mark. What begins as another kind of file is told as that: its bytes would only be called odd
  // names of columns, or rows that cannot be read.
  Result<void> begin_text() {
    using std::string_view_literals::operator""sv;
    struct Other {
      std::string_view begins;
      const char* what;
      const char* hint;
    };
    static constexpr std::array others{
        Other{"\x1f\x8b"sv, "is gzip data", "say `compression: gzip`, or give its key the end .gz"},
        Other{"\x28\xb5\x2f\xfd"sv, "is zstd data", "say `compression: zstd`, or give its key the end .zst"},
        // With the first field of what follows its magic, a page's header or the footer: PAR1 alone may be a name.
        Other{"PAR1\x15"sv, "is Parquet", "say `format: parquet`"},
        Other{"\xff\xfe"sv, "is UTF-16", "write it as UTF-8"},
        Other{"\xfe\xff"sv, "is UTF-16", "write it as UTF-8"},
    };
    const std::string_view bytes = cutter_.rest();
    for (const Other& other : others) {
      if (bytes.starts_with(other.begins))
        return fail(Fault::data, std::string("the object ") + other.what + ", as it begins", other.hint);
    }
    if (bytes.starts_with("\xEF\xBB\xBF")) cutter_.feed(bytes.substr(3), at_end_);
    return {};
  }

  // A chunk that no part holds any more, with room for `bytes`.
  std::shared_ptr<Chunk> free_chunk(std::size_t bytes) {
    for (std::shared_ptr<Chunk>& chunk : chunks_) {
      if (chunk.use_count() > 1 || chunk == chunk_) continue;
      if (chunk->size() < bytes) chunk->resize(bytes);
      return chunk;
    }
    return chunks_.emplace_back(std::make_shared<Chunk>(bytes, '\0'));
  }

  // Takes what is left into the front of another chunk and reads until that is full, or the object has ended.
  Result<void> read_more() {
    const std::string_view rest = cutter_.rest();
    std::size_t room = options_.part_bytes + padding;
    while (rest.size() * 2 > room) room *= 2;
    if (rest.size() > options_.row_bytes_end) {
      return fail(Fault::data,
                  "line " + std::to_string(cutter_.line()) + ": the row is longer than " +
                      std::to_string(options_.row_bytes_end >> 20U) + " MiB" +
                      (cutter_.open_quote() ? "; its quote may never be closed" : ""),
                  "mend the object");
    }
    std::shared_ptr<Chunk> chunk = free_chunk(room);
    rest.copy(chunk->data(), rest.size());
    chunk_ = std::move(chunk);
    filled_ = rest.size();
    while (filled_ < room - padding) {
      SLUICE_TRY(const std::size_t count, stream_->read(chunk_->data() + filled_, room - padding - filled_));
      if (count == 0) {
        at_end_ = true;
        break;
      }
      filled_ += count;
      read_ += count;
    }
    cutter_.feed({chunk_->data(), filled_}, at_end_);
    return {};
  }

  // Cuts what the buffer holds into messages. False: the object has ended.
  Result<bool> fill(Delivery& part) {
    while (true) {
      while (const auto row = cutter_.next()) {
        if (row->text.empty() && !blank_rows_) continue;
        Message message;
        message.key = key_of(hash_, row->line);
        message.body = row->text.substr(0, options_.row_bytes_max + 1);
        message.attributes = *attributes_;
        message.line = row->line;
        part.messages.push_back(message);
        part.bytes += row->text.size();
      }
      if (!part.messages.empty()) {
        rows_ += part.messages.size();
        return true;
      }
      if (at_end_) break;
      SLUICE_CHECK(read_more());
    }
    if (!cutter_.rest().empty()) {
      return fail(Fault::data, "line " + std::to_string(cutter_.line()) + ": a quote is opened and never closed",
                  "mend the object; nothing behind that quote can be told apart");
    }
    if (rows_ == 0 && options_.warn_of_no_rows) log::warning("object holds no row", {{"object", origin_.object}});
    return false;
  }

  ObjectStore& store_;
  std::vector<ObjectFacts> objects_;
  RowsOptions options_;
  Known known_;
  std::size_t object_ = 0;  // the one that is read
  std::size_t next_ = 0;    // the one to ask for next
  struct Ahead {
    std::size_t object;
    Result<std::unique_ptr<ObjectReader>> reader;
  };
  std::deque<Ahead> ahead_;
  std::uint64_t ahead_bytes_ = 0;
  bool overwritten_ = false;

  std::unique_ptr<ByteStream> stream_;
  RowCutter cutter_;
  std::vector<std::shared_ptr<Chunk>> chunks_;  // used again and again
  std::shared_ptr<Chunk> chunk_;                // the one that is being cut
  std::size_t filled_ = 0;
  bool at_end_ = false;  // of the object's bytes
  bool blank_rows_ = false;
  std::uint64_t hash_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t read_ = 0;  // unpacked bytes
  Progress from_;           // where the first object that is opened goes on
  RowOrigin origin_;
  std::shared_ptr<const std::string> attributes_;
};

}  // namespace

std::shared_ptr<Parts> open_parts(ObjectStore& store, std::vector<ObjectFacts> objects, RowsOptions options) {
  if (options.open) return options.open(store, std::move(objects));
  return std::make_shared<ObjectRows>(store, std::move(objects), std::move(options));
}

ObjectProof proof_of(const ObjectStore& store, const ObjectFacts& object) {
  return {store.uri(object.key), object.version, object.bytes};
}

Key row_key(const ObjectProof& object, std::uint64_t line) { return key_of(hash_of(object), line); }

std::string pack_origin(const RowOrigin& origin, const std::string& version) {
  nlohmann::ordered_json json{{"object", origin.object}, {"version", version}, {"header", origin.header}};
  if (origin.unit != "line") json["unit"] = origin.unit;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

RowOrigin unpack_origin(std::string_view attributes) {
  const auto json = nlohmann::json::parse(attributes, nullptr, false);
  if (!json.is_object()) return {};
  return {json.value("object", ""), json.value("header", ""), json.value("unit", "line")};
}

}  // namespace sluice::objects
