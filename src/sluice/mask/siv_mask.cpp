// mask_siv: AES-SIV (RFC 5297), the default where values must be found equal and be recovered.
#include "sluice/mask/aes_siv.hpp"
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

constexpr std::size_t key_size = 64;  // AES-256

class SivMask final : public Mask {
 public:
  SivMask(const Keyring& keyring, std::string_view id, std::string_view domain, Form form)
      : prefix_(std::string(id) + '.'),
        form_(form),
        // The form is part of the key: a text that happens to be the bytes of an address is not that address.
        siv_(SubKey<key_size>(keyring, id, "siv/" + std::string(to_string(form)), domain).bytes) {}

  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (const char* refusal = canonicalize(form_, value, clear_.text)) return refusal;
    const std::size_t size = AesSiv::tag_size + clear_.text.size();
    if (sealed_.size() < size) sealed_.resize(size);
    siv_.encrypt(clear_.text, reinterpret_cast<std::uint8_t*>(sealed_.data()));
    write_token(prefix_, as_bytes(sealed_).first(size), out);
    return nullptr;
  }

  const char* unmask(std::string_view token, std::string& out) override {
    out.clear();
    if (!base64url_decode(behind_dot(token), sealed_) || sealed_.size() < AesSiv::tag_size) return "not_a_token";
    if (!siv_.decrypt(sealed_, clear_.text) || !readable(form_, clear_.text, out)) return "not_made_here";
    return nullptr;
  }

 private:
  std::string prefix_;
  Form form_;
  AesSiv siv_;
  Clear clear_;
  std::string sealed_;
};

}  // namespace

Made make_siv(const Keyring* keyring, std::string_view key_id, const MaskArguments& arguments) {
  SLUICE_CHECK(check_domain(arguments[0]));
  SLUICE_TRY(const Form form, read_form(arguments[1], arguments[0]));
  return std::make_unique<SivMask>(*keyring, key_id, arguments[0], form);
}

}  // namespace sluice::mask
