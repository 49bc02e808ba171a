// mask_hmac: 128 bits of HMAC-SHA-256.
#include <array>

#include "sluice/mask/hmac_sha256.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t kept = 16;  // bytes of the code

class HmacMask final : public Mask {
 public:
  HmacMask(const Keyring& keyring, std::string_view id, std::string_view domain, Form form)
      : prefix_(std::string(id) + '.'),
        form_(form),
        // The form is part of the key: a text that happens to be the bytes of an address is not that address.
        hmac_(SubKey<HmacSha256::size>(keyring, id, "hmac/" + std::string(to_string(form)), domain).bytes) {}

  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (const char* refusal = canonicalize(form_, value, clear_.text)) return refusal;
    std::array<std::uint8_t, HmacSha256::size> code;
    hmac_.mac(clear_.text, code);
    write_token(prefix_, std::span(code).first(kept), out);
    return nullptr;
  }

 private:
  std::string prefix_;
  Form form_;
  HmacSha256 hmac_;
  Clear clear_;
};

}  // namespace

Made make_hmac(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  SLUICE_CHECK(check_domain(arguments[0]));
  SLUICE_TRY(const Form form, read_form(arguments[1], arguments[0]));
  return std::make_unique<HmacMask>(*keyring, key_id, arguments[0], form);
}

}  // namespace sluice::mask
