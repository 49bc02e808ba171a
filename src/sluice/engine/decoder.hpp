// Message bodies to columns, by the record's contract.
//
// A body that is no JSON object, or breaks the contract, becomes a reject with its reason code and
// column; no value is changed silently, and none is ever part of a reject.
#pragma once

#include <memory>
#include <vector>

#include "sluice/core/delivery.hpp"
#include "sluice/core/record.hpp"
#include "sluice/core/result.hpp"
#include "sluice/engine/input.hpp"

namespace sluice::engine {

class Decoder {
 public:
  // Errors (config): a pattern that RE2 does not take, a default that the field does not accept,
  // one path inside another.
  static Result<std::unique_ptr<Decoder>> open(Record record);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Fills `input` with the messages that keep the contract and appends the others to `rejects`.
  // Behind each body, 64 bytes must be readable: the delivery's memory promises that.
  void decode(const Delivery& delivery, Input& input, std::vector<Reject>& rejects);

 private:
  class Impl;
  explicit Decoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What a reason code means, in a sentence for people; for codes of the decoder.
std::string_view explain(std::string_view reason);

}  // namespace sluice::engine
