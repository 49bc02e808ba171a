#include "digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cassert>
#include <memory>

namespace sluice::servers {
namespace {

// Fetching a digest by name costs more than hashing a message, so each is fetched once.
template <std::size_t N>
std::array<std::uint8_t, N> digest(const char* name, std::string_view bytes, EVP_MD*& kind, EVP_MD_CTX*& context) {
  if (kind == nullptr) kind = EVP_MD_fetch(nullptr, name, nullptr);
  if (context == nullptr) context = EVP_MD_CTX_new();
  std::array<std::uint8_t, N> out{};
  [[maybe_unused]] const bool done = EVP_DigestInit_ex2(context, kind, nullptr) == 1 &&
                                     EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1 &&
                                     EVP_DigestFinal_ex(context, out.data(), nullptr) == 1;
  assert(done);
  return out;
}

}  // namespace

Md5 md5(std::string_view bytes) {
  static EVP_MD* kind = nullptr;
  static EVP_MD_CTX* context = nullptr;
  return digest<16>("MD5", bytes, kind, context);
}

Sha256 sha256(std::string_view bytes) {
  static EVP_MD* kind = nullptr;
  static EVP_MD_CTX* context = nullptr;
  return digest<32>("SHA256", bytes, kind, context);
}

Sha256 hmac_sha256(std::string_view key, std::string_view bytes) {
  Sha256 out{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), out.data(), &size);
  return out;
}

bool decode_base64(std::string_view text, std::string& bytes) {
  if (text.size() % 4 != 0) return false;
  bytes.resize(text.size() / 4 * 3);
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return false;
  std::size_t pads = 0;
  while (pads < 2 && pads < text.size() && text[text.size() - 1 - pads] == '=') ++pads;
  bytes.resize(static_cast<std::size_t>(size) - pads);
  return true;
}

void append_hex(std::string& out, const std::uint8_t* bytes, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < size; ++i) {
    out += digits[bytes[i] >> 4U];
    out += digits[bytes[i] & 15U];
  }
}

}  // namespace sluice::servers
