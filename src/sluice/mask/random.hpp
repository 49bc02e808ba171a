// Random bytes in small pieces, fetched from OpenSSL in large ones. Used by one thread.
#pragma once

#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <span>

#include "sluice/mask/must.hpp"

namespace sluice::mask {

template <std::size_t size>
class RandomPieces {
 public:
  // Valid until the next call.
  std::span<const std::uint8_t, size> next() {
    if (at_ == bytes_.size()) {
      must(RAND_bytes(bytes_.data(), static_cast<int>(bytes_.size())) == 1, "the random generator");
      at_ = 0;
    }
    const std::span<const std::uint8_t, size> piece(bytes_.data() + at_, size);
    at_ += size;
    return piece;
  }

 private:
  std::array<std::uint8_t, size * 64> bytes_{};
  std::size_t at_ = bytes_.size();
};

}  // namespace sluice::mask
