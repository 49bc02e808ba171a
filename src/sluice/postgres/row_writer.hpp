// Turns the rows of a delivery into COPY data, message by message, so that any part of it can be sent again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/delivery.hpp"
#include "sluice/core/result.hpp"
#include "sluice/postgres/plan.hpp"

namespace sluice::postgres {

class RowWriter {
 public:
  explicit RowWriter(const Plan& plan) : plan_(plan) {}  // `plan` outlives the writer

  // Notes where the rows of each message stand, without those that are known. The batches must stay.
  void lay_out(std::span<const Batch> batches, const Known& known);
  std::size_t messages() const { return spans_.size(); }
  std::uint32_t message(std::size_t number) const { return spans_[number].message; }
  // Leaves a message out from now on.
  void refuse(std::size_t number) { spans_[number].refused = true; }
  // The numbers from `first` on, before `last`, that are not refused.
  std::size_t left(std::size_t first, std::size_t last) const;

  void begin(CopyBuffer& out) const;  // what stands in front of the first row
  void end(CopyBuffer& out) const;
  // Appends a message's rows. If one of them is refused, none is appended, the message is left out from
  // now on, and the reject says why.
  std::optional<Reject> append(std::size_t number, CopyBuffer& out);

 private:
  struct Span {
    std::uint32_t message;
    std::uint32_t batch;  // where its first row stands; the rest may reach into the next batches
    std::size_t row;
    std::size_t rows;
    bool refused;
  };
  const char* append_row(const Batch& batch, std::size_t row, CopyBuffer& out, std::size_t& column);

  const Plan& plan_;
  std::span<const Batch> batches_;
  std::vector<Span> spans_;
  CopyBuffer scratch_;
};

}  // namespace sluice::postgres
