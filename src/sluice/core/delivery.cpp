#include "sluice/core/delivery.hpp"

namespace sluice {

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::decode: return "decode";
    case Stage::contract: return "contract";
    case Stage::select: return "select";
    case Stage::mask: return "mask";
    case Stage::sink: return "sink";
  }
  return "?";
}

}  // namespace sluice
