#include "sluice/objects/content_hash.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

namespace sluice::objects {

struct ContentHash::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  // Fails only where there is no memory, or OpenSSL was built without SHA-2.
  if (EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) std::abort();
}

ContentHash::~ContentHash() { EVP_MD_CTX_free(state_->context); }

void ContentHash::add(std::string_view bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

std::string ContentHash::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, digest.data(), &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 15U];
  }
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  ContentHash hash;
  hash.add(bytes);
  return hash.hex();
}

bool is_named_by_content(std::string_view name) {
  constexpr std::size_t digits = 64;
  return name.size() > digits && (name[digits] == '.' || name[digits] == '-') &&
         name.find_first_not_of("0123456789abcdef") == digits;
}

}  // namespace sluice::objects
