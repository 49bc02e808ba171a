// Bytes on their way to the server: grows, is emptied and used again, so that a value costs no allocation.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice::postgres {

class CopyBuffer {
 public:
  // Room for `size` bytes at the end; valid until the next call.
  char* grow(std::size_t size) {
    if (size_ + size > bytes_.size()) bytes_.resize((size_ + size) * 2);
    char* out = bytes_.data() + size_;
    size_ += size;
    return out;
  }
  void put(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(grow(bytes.size()), bytes.data(), bytes.size());
  }
  void put(char byte) { *grow(1) = byte; }
  void put_int16(std::int16_t value) { store<std::uint16_t>(static_cast<std::uint16_t>(value), grow(2)); }
  void put_int32(std::int32_t value) { store<std::uint32_t>(static_cast<std::uint32_t>(value), grow(4)); }
  void put_int64(std::int64_t value) { store<std::uint64_t>(static_cast<std::uint64_t>(value), grow(8)); }

  std::string_view view() const { return {bytes_.data(), size_}; }
  std::size_t size() const { return size_; }
  void shrink(std::size_t size) { size_ = size; }
  // Empties it; memory that one large value took is given back.
  void clear() {
    size_ = 0;
    if (bytes_.size() > kept_max) bytes_ = std::string();
  }

 private:
  static constexpr std::size_t kept_max = std::size_t{1} << 20U;

  template <class Unsigned>
  static void store(Unsigned value, char* out) {
    for (int shift = static_cast<int>(sizeof value) * 8 - 8; shift >= 0; shift -= 8)
      *out++ = static_cast<char>(value >> shift);
  }

  std::string bytes_;
  std::size_t size_ = 0;
};

}  // namespace sluice::postgres
