#include "sluice/runtime/watch.hpp"

namespace sluice::runtime {

Result<bool> Watch::moved(const std::string& date, const Look& look) {
  bool any = owed_ || date != date_;
  std::vector<std::optional<TableMark>> seen;
  for (std::size_t table = 0; table < marks_.size(); ++table) {
    SLUICE_TRY(TableLook found, look(table, marks_[table] ? &*marks_[table] : nullptr));
    any = any || found.moved;
    seen.emplace_back(std::move(found.mark));
  }
  seen_ = std::move(seen);
  date_seen_ = date;
  owed_ = any;
  return any;
}

void Watch::settle() {
  marks_ = seen_;
  date_ = date_seen_;
  owed_ = false;
}

}  // namespace sluice::runtime
