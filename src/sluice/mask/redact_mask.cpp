// mask_redact: the same word for every value.
#include "sluice/mask/mask_parts.hpp"
#include "sluice/mask/masks.hpp"

namespace sluice::mask {
namespace {

class RedactMask final : public Mask {
 public:
  const char* mask(std::string_view, std::string& out) override {
    out.assign("[redacted]");
    return nullptr;
  }
};

}  // namespace

Made make_redact(const Keyring*, std::string_view, const MaskArguments&) { return std::make_unique<RedactMask>(); }

}  // namespace sluice::mask
