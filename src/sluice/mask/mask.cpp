#include "sluice/mask/mask.hpp"

#include <openssl/crypto.h>

#include <array>
#include <cstring>

#include "sluice/mask/aes_siv.hpp"
#include "sluice/mask/base64url.hpp"
#include "sluice/mask/hmac_sha256.hpp"
#include "sluice/mask/secret.hpp"

namespace sluice::mask {
namespace {

// The form is part of the key: a text that happens to be the bytes of an address is not that address.
template <std::size_t n>
struct SubKey : Wiped<n> {
  SubKey(const Keyring& keyring, std::string_view id, std::string_view function, std::string_view domain, Form form) {
    keyring.derive(id, std::string(function) + '/' + std::string(to_string(form)), domain, this->bytes);
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

class HmacMask final : public Mask {
 public:
  HmacMask(const Keyring& keyring, std::string_view domain, Form form)
      : prefix_(keyring.primary_id() + '.'),
        form_(form),
        hmac_(SubKey<HmacSha256::size>(keyring, keyring.primary_id(), "hmac", domain, form).bytes) {}

  const char* mask(std::string_view value, std::string& out) override {
    constexpr std::size_t kept = 16;  // bytes of the code: 128 bits
    out.clear();
    if (const char* refusal = canonicalize(form_, value, clear_.text)) return refusal;
    std::array<std::uint8_t, HmacSha256::size> code;
    hmac_.mac(clear_.text, code);
    out.resize(prefix_.size() + base64url_size(kept));
    std::memcpy(out.data(), prefix_.data(), prefix_.size());
    base64url_encode(std::span(code).first(kept), out.data() + prefix_.size());
    return nullptr;
  }

 private:
  std::string prefix_;
  Form form_;
  HmacSha256 hmac_;
  Clear clear_;
};

constexpr std::size_t siv_key_size = 64;  // AES-256

class SivMask final : public Mask {
 public:
  SivMask(const Keyring& keyring, std::string_view domain, Form form)
      : prefix_(keyring.primary_id() + '.'),
        form_(form),
        siv_(SubKey<siv_key_size>(keyring, keyring.primary_id(), "siv", domain, form).bytes) {}

  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (const char* refusal = canonicalize(form_, value, clear_.text)) return refusal;
    const std::size_t size = AesSiv::tag_size + clear_.text.size();
    if (sealed_.size() < size) sealed_.resize(size);
    siv_.encrypt(clear_.text, sealed_.data());
    out.resize(prefix_.size() + base64url_size(size));
    std::memcpy(out.data(), prefix_.data(), prefix_.size());
    base64url_encode(std::span(sealed_).first(size), out.data() + prefix_.size());
    return nullptr;
  }

 private:
  std::string prefix_;
  Form form_;
  AesSiv siv_;
  Clear clear_;
  std::vector<std::uint8_t> sealed_;
};

template <class Kind>
std::unique_ptr<Mask> make(const Keyring& keyring, std::string_view domain, Form form) {
  return std::make_unique<Kind>(keyring, domain, form);
}

// No error repeats the token: what a user passes by mistake may be a clear value.
Result<std::string> unmask_siv(const Keyring& keyring, std::string_view domain, Form form, std::string_view token) {
  const std::size_t dot = token.find('.');
  const std::string_view id = token.substr(0, dot);
  if (dot == std::string_view::npos || !is_key_id(id)) {
    return fail(Fault::data, "not a token: a token starts with a key's id and a dot, such as k1.");
  }
  if (!keyring.has(id)) {
    return fail(Fault::config,
                "the token is of key '" + std::string(id) + "', which the keyring does not hold or has disabled",
                "use the keyring that it was masked with");
  }
  std::string sealed;
  if (!base64url_decode(token.substr(dot + 1), sealed) || sealed.size() < AesSiv::tag_size) {
    return fail(Fault::data, "not a token of mask_siv: it is cut off, or holds a character that no token has");
  }
  AesSiv siv(SubKey<siv_key_size>(keyring, id, "siv", domain, form).bytes);
  Clear clear;
  std::string value;
  if (!siv.decrypt(sealed, clear.text) || !readable(form, clear.text, value)) {
    return fail(Fault::data,
                "the token was not made by mask_siv with key '" + std::string(id) + "' in this domain and as form " +
                    std::string(to_string(form)) + ", or it was changed",
                "check the domain, the form and the keyring; a token of mask_hmac cannot be undone");
  }
  return value;
}

constexpr std::array kinds{
    MaskKind{"mask_hmac", false, "tells equal values, for finding duplicates; nobody can undo it", &make<HmacMask>,
             nullptr},
    MaskKind{"mask_siv", true, "tells equal values, and the holder of the key can recover them", &make<SivMask>,
             &unmask_siv},
};

}  // namespace

std::span<const MaskKind> mask_kinds() { return kinds; }

}  // namespace sluice::mask
