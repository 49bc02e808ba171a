// mask_email: the first character and the domain of an e-mail address.
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

class EmailMask final : public Mask {
 public:
  // Always three stars: how long the name is stays hidden. A name of one character would be clear: it is left out.
  const char* mask(std::string_view value, std::string& out) override {
    out.clear();
    if (const char* refusal = canonicalize(Form::email, value, clear_.text)) return refusal;
    const std::string_view email = clear_.text;
    const std::size_t at_sign = email.find('@');
    std::size_t first = 1;
    while (first < at_sign && (static_cast<unsigned char>(email[first]) & 0xc0U) == 0x80U) ++first;
    if (first < at_sign) out.append(email.substr(0, first));
    out.append("***").append(email.substr(at_sign));
    return nullptr;
  }

 private:
  Clear clear_;
};

}  // namespace

Made make_email(const Keyring*, std::string_view, const MaskArguments&) { return std::make_unique<EmailMask>(); }

}  // namespace sluice::mask
