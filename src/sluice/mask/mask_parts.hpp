// What several masks are made of: sub-keys, clear text that is wiped, tokens with the key's id in front, arguments.
#pragma once

#include <openssl/crypto.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/mask/base64url.hpp"
#include "sluice/mask/canonical.hpp"
#include "sluice/mask/mask.hpp"
#include "sluice/mask/secret.hpp"

namespace sluice::mask {

// Key bytes for as long as a mask is set up.
template <std::size_t n>
struct SubKey : Wiped<n> {
  SubKey(const Keyring& keyring, std::string_view id, std::string_view function, std::string_view domain) {
    keyring.derive(id, function, domain, this->bytes);
  }
};

// Canonical bytes are clear text: they are wiped when the mask goes.
class Clear {
 public:
  Clear() = default;
  Clear(const Clear&) = delete;
  Clear& operator=(const Clear&) = delete;
  ~Clear() { OPENSSL_cleanse(text.data(), text.capacity()); }
  std::string text;
};

// The key's id, a dot, and `bytes` in base64url.
inline void write_token(std::string_view prefix, std::span<const std::uint8_t> bytes, std::string& out) {
  out.resize(prefix.size() + base64url_size(bytes.size()));
  std::memcpy(out.data(), prefix.data(), prefix.size());
  base64url_encode(bytes, out.data() + prefix.size());
}

// What stands behind the first dot; all of it where there is none.
inline std::string_view behind_dot(std::string_view token) { return token.substr(token.find('.') + 1); }

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Arguments, checked. A domain has 1 to 64 bytes. An empty form is that of the domain's name.
Result<void> check_domain(std::string_view domain);
Result<Form> read_form(std::string_view name, std::string_view domain);
Result<unsigned> read_number(std::string_view name, std::string_view text, unsigned least, unsigned most);

}  // namespace sluice::mask
