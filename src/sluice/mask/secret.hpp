// Memory for keys: locked into RAM, left out of core dumps, wiped when it goes.
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "sluice/core/result.hpp"

namespace sluice::mask {

// Whole pages of their own, so that no other value shares them. Movable, not copyable.
class SecretBytes {
 public:
  SecretBytes() = default;
  // `size` zero bytes. An error where the system refuses to lock memory.
  static Result<SecretBytes> make(std::size_t size);
  ~SecretBytes();
  SecretBytes(SecretBytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::span<std::uint8_t> bytes() { return {data_, size_}; }
  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }
  std::span<char> text() { return {reinterpret_cast<char*>(data_), size_}; }

 private:
  SecretBytes(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// Key bytes on the stack, for as long as a function takes.
template <std::size_t n>
struct Wiped {
  std::array<std::uint8_t, n> bytes{};

  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { OPENSSL_cleanse(bytes.data(), n); }
};

}  // namespace sluice::mask
