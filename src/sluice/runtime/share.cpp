#include "sluice/runtime/share.hpp"

#include <algorithm>

#include "sluice/objects/object_rows.hpp"

namespace sluice::runtime {
namespace {

std::string what_of(const Delivery& delivery, const Reject& reject) {
  return place_of(delivery.messages[reject.message]) + reject.reason +
         (reject.column.empty() ? "" : " in '" + reject.column + "'") + ": " + reject.text;
}

}  // namespace

std::uint64_t RejectLimit::allowed(std::uint64_t received) const {
  if (count) return *count;
  if (percent)
    return static_cast<std::uint64_t>(*percent / 100.0 * static_cast<double>(std::max<std::uint64_t>(received, 100)));
  return UINT64_MAX;
}

std::string place_of(const Message& message) {
  if (message.line == 0) return {};
  const objects::RowOrigin origin = objects::unpack_origin(message.attributes);
  return origin.object + " " + origin.unit + " " + std::to_string(message.line) + ": ";
}

Share::~Share() {
  const std::lock_guard lock(shared_.mutex);
  shared_.rejects_pending -= written_.rejected;
  shared_.received_pending -= messages_;
}

Result<void> Share::take(const Written& written, const Delivery& delivery, const std::vector<Reject>& rejects) {
  const std::size_t messages = delivery.messages.size();
  written_.add(written);
  messages_ += messages;
  for (const Reject& reject : rejects) ++by_reason_[reject.reason];
  if (first_reject_.empty() && !rejects.empty()) first_reject_ = what_of(delivery, rejects.front());
  const std::lock_guard lock(shared_.mutex);
  shared_.rejects_pending += written.rejected;
  shared_.received_pending += messages;
  const std::uint64_t rejected = shared_.report.written.rejected + shared_.rejects_pending;
  const std::uint64_t received = shared_.report.received + shared_.received_pending;
  if (rejected <= shared_.options.rejects.allowed(received)) return {};
  // Nothing is kept to look at where none is allowed: the first of them is all there is.
  if (shared_.options.rejects.count == 0) {
    return fail(Fault::data, "max_rejects: a row is refused where none may be: " + what_of(delivery, rejects.front()),
                "mend the row at its source, or the flow's record; nothing was committed");
  }
  return fail(Fault::data,
              "max_rejects: " + std::to_string(rejected) + " of " + std::to_string(received) +
                  " rows would be rejects; nothing past the limit was committed, the rest is still at its source",
              "look at what was kept by `sluice rejects list`, mend the record or the producer, then run again");
}

Result<void> Share::enough(const Delivery& objects) const {
  const std::uint64_t least = shared_.options.min_rows;
  if (written_.rows >= least) return {};
  const std::vector<ObjectProof>& all = objects.objects;
  const std::string from =
      all.size() == 1 ? all.front().uri : std::to_string(all.size()) + " objects, of them " + all.front().uri + ",";
  std::string text = "min_rows: " + from + " would leave " + std::to_string(written_.rows) +
                     " rows in the table, and the least is " + std::to_string(least) +
                     " (rows read: " + std::to_string(messages_) + ", rejected: " + std::to_string(written_.rejected) +
                     ", filtered: " + std::to_string(written_.filtered) + ")";
  // The rejects go with the transaction, so one of them is told here.
  if (!first_reject_.empty()) text += "; the first reject: " + first_reject_;
  return fail(Fault::data, std::move(text),
              "nothing was changed; if the table may have so few rows, say `min_rows: " +
                  std::to_string(written_.rows) + "` beside `mode: replace`");
}

void Share::committed(std::size_t objects, std::size_t objects_known) {
  const std::lock_guard lock(shared_.mutex);
  shared_.report.add(written_, messages_);
  shared_.report.objects += objects;
  shared_.report.objects_known += objects_known;
  for (const auto& [reason, count] : by_reason_) shared_.report.rejects_by_reason[reason] += count;
}

}  // namespace sluice::runtime
