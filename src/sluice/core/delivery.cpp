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

Error cannot_go_on(const ObjectProof& object, const BegunObject& begun, const std::string& forget) {
  const bool overwritten = begun.version != object.version;
  if (begun.version.starts_with(doubted)) {
    return {Fault::conflict,
            object.uri + ": the first " + std::to_string(begun.upto.rows) +
                " rows of it are in the table, but its bytes did not match its checksum, or could not be unpacked or "
                "read to "
                "the end, when they were loaded",
            "take these rows out of the table, make the ledger forget them by " + forget + ", and run again"};
  }
  return {Fault::conflict,
          object.uri + ": the first " + std::to_string(begun.upto.rows) + " rows of it are in the table, " +
              (overwritten ? "but it was overwritten before the others were loaded"
                           : "but the flow's record or select was changed before the others were loaded"),
          std::string(overwritten ? "take these rows out of the table" : "undo the change, or take these rows out") +
              ", make the ledger forget them by " + forget + ", and run again"};
}

}  // namespace sluice
