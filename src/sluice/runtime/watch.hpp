// Polling: whether a run that is due has anything to do.
//
// It has where a table moved since the last run that went well began, where the date is another, where the run before
// failed (whatever the tables look like by now), and always the first time: what a server saw is not kept when it ends.
// A look comes before the run it leads to, so that what is written in between is read by that run, or leads to one
// more.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/watch.hpp"

namespace sluice::runtime {

// Looks at the table of this number.
using Look = std::function<Result<TableLook>(std::size_t table, const TableMark* before)>;

class Watch {
 public:
  explicit Watch(std::size_t tables) : marks_(tables), seen_(tables) {}

  // Whether to run on this date. All tables are looked at. After an error nothing is known: the next look compares
  // with the same marks.
  Result<bool> moved(const std::string& date, const Look& look);
  // The run that it led to went well, or there was none to do.
  void settle();

 private:
  std::vector<std::optional<TableMark>> marks_;
  std::vector<std::optional<TableMark>> seen_;  // by the last look
  std::string date_;                            // empty: nothing has run yet
  std::string date_seen_;
  bool owed_ = false;  // the run that the last look led to has not gone well yet
};

}  // namespace sluice::runtime
