#include "sluice/objects/byte_stream.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace sluice::objects {
namespace {

constexpr const char* packed_wrong = "write it again, or say `compression: none` if it is not packed";

// What all kinds share: bytes of the object that were fetched and not yet taken.
class Fetched {
 public:
  explicit Fetched(std::unique_ptr<ObjectReader> reader) : reader_(std::move(reader)) {}

  // False: the object has ended.
  Result<bool> more() {
    if (!rest_.empty()) return true;
    if (ended_) return false;
    SLUICE_TRY(rest_, reader_->next());
    ended_ = rest_.empty();
    return !ended_;
  }
  std::string_view rest() const { return rest_; }
  void take(std::size_t count) { rest_.remove_prefix(count); }

 private:
  std::unique_ptr<ObjectReader> reader_;
  std::string_view rest_;
  bool ended_ = false;
};

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(std::unique_ptr<ObjectReader> reader) : in_(std::move(reader)) {}
  Result<std::size_t> read(char* to, std::size_t most) override {
    SLUICE_TRY(const bool more, in_.more());
    if (!more) return 0U;
    const std::size_t count = std::min(most, in_.rest().size());
    std::memcpy(to, in_.rest().data(), count);
    in_.take(count);
    return count;
  }

 private:
  Fetched in_;
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(std::unique_ptr<ObjectReader> reader) : in_(std::move(reader)) {
    constexpr int gzip_only = 16;
    ready_ = inflateInit2(&state_, MAX_WBITS + gzip_only) == Z_OK;
  }
  ~GzipStream() override { inflateEnd(&state_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  Result<std::size_t> read(char* to, std::size_t most) override {
    if (!ready_) return fail(Fault::failed, "out of memory");
    constexpr std::size_t step_max = std::size_t{1} << 30U;
    while (true) {
      SLUICE_TRY(const bool more, in_.more());
      if (!more) {
        if (between_) return 0U;
        return fail(Fault::data, "the gzip data is cut off", packed_wrong);
      }
      if (between_) {  // a file may be several gzip files in a row
        if (inflateReset(&state_) != Z_OK) return fail(Fault::failed, "out of memory");
        between_ = false;
      }
      const std::size_t given = std::min(in_.rest().size(), step_max);
      state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in_.rest().data()));
      state_.avail_in = static_cast<uInt>(given);
      state_.next_out = reinterpret_cast<Bytef*>(to);
      state_.avail_out = static_cast<uInt>(std::min(most, step_max));
      const std::size_t room = state_.avail_out;
      const int result = inflate(&state_, Z_NO_FLUSH);
      in_.take(given - state_.avail_in);
      if (result == Z_STREAM_END) {
        between_ = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return fail(Fault::data, "the object is no gzip data, or it is damaged", packed_wrong);
      }
      if (const std::size_t made = room - state_.avail_out; made > 0) return made;
    }
  }

 private:
  Fetched in_;
  z_stream state_{};
  bool ready_ = false;
  bool between_ = false;  // two gzip files
};

class ZstdStream final : public ByteStream {
 public:
  explicit ZstdStream(std::unique_ptr<ObjectReader> reader) : in_(std::move(reader)), state_(ZSTD_createDStream()) {}

  Result<std::size_t> read(char* to, std::size_t most) override {
    if (!state_) return fail(Fault::failed, "out of memory");
    while (true) {
      SLUICE_TRY(const bool more, in_.more());
      // What was unpacked may still wait inside, behind the last byte of the object.
      if (!more && !inside_) {
        if (whole_) return 0U;
        return fail(Fault::data, "the zstd data is cut off", packed_wrong);
      }
      ZSTD_inBuffer in{in_.rest().data(), in_.rest().size(), 0};
      ZSTD_outBuffer out{to, most, 0};
      const std::size_t result = ZSTD_decompressStream(state_.get(), &out, &in);
      if (ZSTD_isError(result) != 0)
        return fail(Fault::data, "the object is no zstd data, or it is damaged", packed_wrong);
      in_.take(in.pos);
      whole_ = result == 0;
      inside_ = !whole_ && out.pos == out.size;
      if (out.pos > 0) return out.pos;
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* state) const { ZSTD_freeDStream(state); }
  };
  Fetched in_;
  std::unique_ptr<ZSTD_DStream, Free> state_;
  bool whole_ = false;   // a frame has ended
  bool inside_ = false;  // the last call had no room for all
};

}  // namespace

Compression compression_of(Compression wanted, std::string_view key) {
  if (wanted != Compression::by_name) return wanted;
  if (key.ends_with(".gz")) return Compression::gzip;
  if (key.ends_with(".zst")) return Compression::zstd;
  return Compression::none;
}

Result<std::unique_ptr<ByteStream>> open_stream(std::unique_ptr<ObjectReader> reader, Compression compression) {
  switch (compression) {
    case Compression::gzip: return std::make_unique<GzipStream>(std::move(reader));
    case Compression::zstd: return std::make_unique<ZstdStream>(std::move(reader));
    case Compression::by_name:
    case Compression::none: break;
  }
  return std::make_unique<PlainStream>(std::move(reader));
}

}  // namespace sluice::objects
