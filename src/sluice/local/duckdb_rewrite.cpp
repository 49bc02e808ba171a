// This process alone has the file open, and a batch is read and written in one transaction, so that nothing changes in
// between. A row's number is good for one transaction only: a checkpoint may move rows up, and an UPDATE of a column
// with an index puts the row at the end. So passes go on until one finds nothing to do.
#include "sluice/local/duckdb_rewrite.hpp"

#include <algorithm>

#include <span>

namespace sluice::local {
namespace {

constexpr std::size_t statement_rows = 500;  // of one UPDATE: each has two parameters

class Rewrite {
 public:
  Rewrite(DuckConnection& connection, const Rewriting& rewriting)
      : connection_(connection),
        rewriting_(rewriting),
        table_(quoted(rewriting.table)),
        column_(quoted(std::string_view(rewriting.column))),
        place_("rewrite " + rewriting.table.text() + "." + rewriting.column) {
    const auto other = [](const std::string& one) {
      return one.empty() ? "NULL::VARCHAR" : quoted(std::string_view(one)) + "::VARCHAR";
    };
    const std::string key = other(rewriting.key_column);
    std::string left = " AND $1 = ''";
    if (!rewriting.keep.empty() && rewriting.key_column.empty())
      left = " AND NOT starts_with(" + column_ + "::VARCHAR, $1)";
    if (!rewriting.keep.empty() && !rewriting.key_column.empty()) left = " AND " + key + " IS DISTINCT FROM $1";
    find_ = "SELECT rowid, " + column_ + "::VARCHAR, " + key + ", " + other(rewriting.beside) + " FROM " + table_ +
            " WHERE rowid > $2 AND " + column_ + " IS NOT NULL" + left + " ORDER BY rowid LIMIT $3";
  }

  Result<std::uint64_t> run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const std::uint64_t before = changed_;
      SLUICE_CHECK(pass(stop));
      if (changed_ == before) break;
    }
    return changed_;
  }

 private:
  struct Found {
    std::vector<std::int64_t> places;
    std::vector<OldText> old;
  };

  Result<void> pass(const std::stop_token& stop) {
    for (std::int64_t after = -1; !stop.stop_requested();) {
      SLUICE_CHECK(connection_.run("BEGIN", place_));
      const Result<std::int64_t> last = batch(after);
      if (!last || *last == after) connection_.rollback();
      if (!last) return fail(Error(last.error()));
      if (*last == after) return {};
      if (Result<void> committed = connection_.run("COMMIT", place_); !committed) {
        connection_.rollback();
        return committed;
      }
      after = *last;
    }
    return {};
  }

  // The last row's number; `after`: there are no more.
  Result<std::int64_t> batch(std::int64_t after) {
    SLUICE_TRY(const Found found, read(after));
    if (found.old.empty()) return after;
    std::vector<std::optional<std::string>> fresh;
    SLUICE_CHECK(rewriting_.replace(found.old, fresh));
    std::vector<std::size_t> rows;  // that change
    for (std::size_t row = 0; row < fresh.size(); ++row) {
      if (fresh[row]) rows.push_back(row);
    }
    for (std::size_t at = 0; at < rows.size(); at += statement_rows) {
      const std::size_t size = std::min(statement_rows, rows.size() - at);
      std::vector<Parameter> parameters{rewriting_.keep};
      std::string values;
      for (const std::size_t row : std::span(rows).subspan(at, size)) {
        values += (values.empty() ? "($" : ", ($") + std::to_string(parameters.size() + 1) + "::BIGINT, $" +
                  std::to_string(parameters.size() + 2) + "::VARCHAR)";
        parameters.emplace_back(found.places[row]);
        parameters.emplace_back(*fresh[row]);
      }
      // Each parameter has to be used: without a key column the condition does.
      const std::string key =
          rewriting_.key_column.empty() ? "" : ", " + quoted(std::string_view(rewriting_.key_column)) + " = $1";
      auto done =
          connection_.ask("UPDATE " + table_ + " SET " + column_ + " = v.fresh" + key + " FROM (VALUES " + values +
                              ") v(place, fresh) WHERE " + table_ + ".rowid = v.place AND $1 IS NOT NULL",
                          parameters, place_);
      if (!done) {
        Error error = std::move(done).error();
        if (error.message.ends_with("constraint violation")) error.hint = hint_of_twins(rewriting_);
        return fail(std::move(error));
      }
      changed_ += done->changed();
    }
    return found.places.back();
  }

  Result<Found> read(std::int64_t after) {
    SLUICE_TRY(DuckRows rows,
               connection_.ask(find_, {rewriting_.keep, after, static_cast<std::int64_t>(rewriting_.batch)}, place_));
    Found found;
    const auto optional = [&](idx_t column) {
      return rows.is_null(column) ? std::nullopt : std::optional(rows.text(column));
    };
    while (rows.next()) {
      found.places.push_back(rows.integer(0));
      found.old.push_back({rows.text(1), optional(2), optional(3),
                           "the row of " + rewriting_.table.text() + " with rowid " + std::to_string(rows.integer(0))});
    }
    return found;
  }

  DuckConnection& connection_;
  const Rewriting& rewriting_;
  std::string table_;
  std::string column_;
  std::string place_;
  std::string find_;
  std::uint64_t changed_ = 0;
};

}  // namespace

Result<std::uint64_t> rewrite(DuckConnection& connection, const Rewriting& rewriting, const std::stop_token& stop) {
  return Rewrite(connection, rewriting).run(stop);
}

}  // namespace sluice::local
