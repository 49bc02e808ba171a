#include "sluice/objects/byte_packer.hpp"

#include <zlib.h>
#include <zstd.h>

#include <cassert>

namespace sluice::objects {
namespace {

constexpr std::size_t step = std::size_t{64} << 10U;

tl::unexpected<Error> out_of_memory() { return fail(Fault::failed, "out of memory"); }

class GzipPacker final : public BytePacker {
 public:
  GzipPacker() {
    constexpr int gzip_only = 16;
    constexpr int memory = 8;  // zlib's default
    // Without a name or a time in its header.
    ready_ = deflateInit2(&state_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + gzip_only, memory,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipPacker() override { deflateEnd(&state_); }
  GzipPacker(const GzipPacker&) = delete;
  GzipPacker& operator=(const GzipPacker&) = delete;

  Result<void> add(std::string_view bytes, std::string& out) override { return run(bytes, Z_NO_FLUSH, out); }
  Result<void> finish(std::string& out) override { return run({}, Z_FINISH, out); }

 private:
  Result<void> run(std::string_view bytes, int flush, std::string& out) {
    if (!ready_) return out_of_memory();
    assert(bytes.size() < UINT32_MAX);
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    state_.avail_in = static_cast<uInt>(bytes.size());
    do {
      const std::size_t before = out.size();
      out.resize(before + step);
      state_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      state_.avail_out = step;
      deflate(&state_, flush);
      out.resize(before + step - state_.avail_out);
    } while (state_.avail_out == 0);
    return {};
  }

  z_stream state_{};
  bool ready_ = false;
};

class ZstdPacker final : public BytePacker {
 public:
  ZstdPacker() : state_(ZSTD_createCStream()) {
    if (state_) ZSTD_CCtx_setParameter(state_.get(), ZSTD_c_checksumFlag, 1);
  }

  Result<void> add(std::string_view bytes, std::string& out) override { return run(bytes, ZSTD_e_continue, out); }
  Result<void> finish(std::string& out) override { return run({}, ZSTD_e_end, out); }

 private:
  struct Free {
    void operator()(ZSTD_CStream* state) const { ZSTD_freeCStream(state); }
  };

  Result<void> run(std::string_view bytes, ZSTD_EndDirective end, std::string& out) {
    if (!state_) return out_of_memory();
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    do {
      const std::size_t before = out.size();
      out.resize(before + step);
      ZSTD_outBuffer to{out.data() + before, step, 0};
      left = ZSTD_compressStream2(state_.get(), &to, &in, end);
      out.resize(before + to.pos);
      if (ZSTD_isError(left) != 0) return out_of_memory();
    } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
    return {};
  }

  std::unique_ptr<ZSTD_CStream, Free> state_;
};

}  // namespace

Result<std::unique_ptr<BytePacker>> open_packer(Compression compression) {
  switch (compression) {
    case Compression::gzip: return std::make_unique<GzipPacker>();
    case Compression::zstd: return std::make_unique<ZstdPacker>();
    case Compression::by_name:
    case Compression::none: break;
  }
  return nullptr;
}

}  // namespace sluice::objects
