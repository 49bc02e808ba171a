#include "sluice/core/result.hpp"

namespace sluice {

int exit_code(Fault fault) {
  switch (fault) {
    case Fault::config:
    case Fault::conflict: return 2;
    case Fault::denied:
    case Fault::transient:
    case Fault::damaged: return 3;
    case Fault::data: return 4;
    case Fault::failed: return 1;
  }
  return 1;
}

}  // namespace sluice
