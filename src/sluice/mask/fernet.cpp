#include "sluice/mask/fernet.hpp"

#include <openssl/crypto.h>

#include <array>
#include <cstring>

#include "sluice/mask/mask_parts.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t block_size = AesBlocks::block_size;
constexpr char version = static_cast<char>(0x80);
constexpr std::size_t head_size = 1 + 8 + Fernet::iv_size;  // version, time, IV

std::uint64_t read_time(std::string_view bytes) {
  std::uint64_t time = 0;
  for (unsigned i = 0; i < 8; ++i) time = time << 8U | static_cast<unsigned char>(bytes[1 + i]);
  return time;
}

}  // namespace

void Fernet::encrypt(std::string_view plain, std::uint64_t time, std::span<const std::uint8_t, iv_size> iv,
                     std::string& token) {
  const std::size_t padding = block_size - plain.size() % block_size;
  const std::size_t sealed_size = plain.size() + padding;
  bytes_.resize(head_size + sealed_size + HmacSha256::size);
  bytes_[0] = version;
  for (unsigned i = 0; i < 8; ++i) bytes_[1 + i] = static_cast<char>(time >> (56 - 8 * i));
  std::memcpy(bytes_.data() + 9, iv.data(), iv_size);
  if (!plain.empty()) std::memcpy(bytes_.data() + head_size, plain.data(), plain.size());
  std::memset(bytes_.data() + head_size + plain.size(), static_cast<int>(padding), padding);
  auto* at = reinterpret_cast<std::uint8_t*>(bytes_.data()) + head_size;
  for (std::size_t done = 0; done < sealed_size; done += block_size, at += block_size) {
    for (std::size_t i = 0; i < block_size; ++i) at[i] ^= *(at + i - block_size);  // the IV stands before the first
    aes_.encrypt(at, at, 1);
  }
  hmac_.mac(std::string_view(bytes_).substr(0, head_size + sealed_size),
            std::span<std::uint8_t, HmacSha256::size>(at, HmacSha256::size));
  const std::size_t size = base64url_size(bytes_.size());
  token.assign((size + 3) / 4 * 4, '=');
  base64url_encode(as_bytes(bytes_), token.data());
}

std::optional<std::uint64_t> Fernet::time_of(std::string_view token) {
  constexpr std::size_t letters = 12;  // of version and time
  std::string bytes;
  if (token.size() < letters || !base64url_decode(token.substr(0, letters), bytes)) return std::nullopt;
  return read_time(bytes);
}

const char* Fernet::check(std::string_view token) {
  if (token.empty() || token.size() % 4 != 0) return "not_a_token";
  for (int i = 0; i < 2 && token.ends_with('='); ++i) token.remove_suffix(1);
  if (!base64url_decode(token, bytes_) || bytes_.size() < head_size + block_size + HmacSha256::size ||
      bytes_[0] != version || (bytes_.size() - head_size - HmacSha256::size) % block_size != 0) {
    return "not_a_token";
  }
  const std::size_t signed_size = bytes_.size() - HmacSha256::size;
  std::array<std::uint8_t, HmacSha256::size> code;
  hmac_.mac(std::string_view(bytes_).substr(0, signed_size), code);
  return CRYPTO_memcmp(code.data(), bytes_.data() + signed_size, code.size()) == 0 ? nullptr : "not_made_here";
}

const char* Fernet::decrypt(std::string_view token, std::string& plain, std::uint64_t& time) {
  plain.clear();
  if (const char* reason = check(token)) return reason;
  time = read_time(bytes_);
  plain.resize(bytes_.size() - HmacSha256::size - head_size);
  auto* out = reinterpret_cast<std::uint8_t*>(plain.data());
  const auto* in = reinterpret_cast<const std::uint8_t*>(bytes_.data()) + head_size;
  aes_.decrypt(in, out, plain.size() / block_size);
  for (std::size_t i = 0; i < plain.size(); ++i) out[i] ^= *(in + i - block_size);
  // The signature is right, so a wrong padding tells an attacker nothing.
  const std::size_t padding = out[plain.size() - 1];
  bool right = padding >= 1 && padding <= block_size;
  for (std::size_t i = 0; right && i < padding; ++i) right = out[plain.size() - 1 - i] == padding;
  if (right) {
    plain.resize(plain.size() - padding);
    return nullptr;
  }
  OPENSSL_cleanse(plain.data(), plain.size());
  plain.clear();
  return "not_made_here";
}

}  // namespace sluice::mask
