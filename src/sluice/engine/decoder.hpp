// Rows as they came to columns, by the record's contract.
//
// A row that is not of its format, or breaks the contract, becomes a reject with its reason code and column; no value
// is changed silently, and none is ever part of a reject.
#pragma once

#include <memory>
#include <vector>

#include "sluice/core/delivery.hpp"
#include "sluice/core/record.hpp"
#include "sluice/core/result.hpp"
#include "sluice/engine/input.hpp"
#include "sluice/objects/format.hpp"

namespace sluice::engine {

// One thread uses it.
class Decoder {
 public:
  virtual ~Decoder() = default;

  // Fills `input` with the messages that keep the contract and appends the others to `rejects`.
  // Behind each body, 64 bytes must be readable: the delivery's memory promises that.
  virtual Result<void> decode(const Delivery& delivery, Input& input, std::vector<Reject>& rejects) = 0;
};

// Errors (config) of both: a pattern that RE2 does not take, a default that the field does not accept.
// Of a JSON record, too: one path inside another.
Result<std::unique_ptr<Decoder>> open_json_decoder(Record record);
// Of a CSV record, too: a path of several names. decode() fails (conflict) where a header is not the record's.
Result<std::unique_ptr<Decoder>> open_csv_decoder(Record record, const objects::CsvDialect& dialect);

// Whether rows under this header can be read by the record: no column missing or there twice. An error (conflict)
// names each.
Result<void> check_csv_header(const Record& record, const objects::CsvDialect& dialect, std::string_view header);

// What a reason code means, in a sentence for people; for codes of decoders.
std::string_view explain(std::string_view reason);

}  // namespace sluice::engine
