// Texts of a column replaced in place: from block to block of the table's file, since there may be no index on the
// column and no key to go by. An UPDATE names the row's place and all that was read of it, so that a row that another
// transaction has changed or moved meanwhile is left for the next pass.
//
// Which rows are done with is told by the text's beginning or by a key column, in SQL; where only `replace` can tell,
// it is asked about every row, and at the end again about all of one moment.
#include <algorithm>

#include "sluice/core/crash_point.hpp"
#include "sluice/postgres/database.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

constexpr int passes_max = 100;  // each finds what was written during the one before
constexpr int tries_max = 5;     // of a batch that lost against another transaction

// The parts of the statements that depend on the table and on what is asked.
struct Words {
  std::string column;
  std::string cast;  // from text to the column's type, where an assignment does not do it
  std::string text;  // the column as text, of a row `t`
  std::string read;  // what is read of a row `t`: text, key, beside
  std::string left;  // whether a row `t` may have to be changed; $1 is `keep`
};

// A network as its address alone, where it is one; dates whatever DateStyle says. A text of more characters than the
// column takes must stay an error, so it is assigned and not cast, which would cut it.
Result<Words> words_of(Connection& connection, const Rewriting& rewriting) {
  const std::string name = quoted(rewriting.table);
  const Reply found = connection.ask(R"(
select pg_catalog.format_type(a.atttypid, null), coalesce(b.typcategory, t.typcategory)
from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_type b on t.typbasetype <> 0 and b.oid = t.typbasetype
where a.attrelid = $1::regclass and a.attname = $2 and a.attnum > 0 and not a.attisdropped)",
                                     Parameters().text(name).text(rewriting.column));
  if (!found) return fail(connection.error(found.error(), "look at the table " + rewriting.table.text()));
  if (found->rows() != 1)
    return fail(Fault::conflict, rewriting.table.text() + " has no column '" + rewriting.column + "'");
  Words words;
  words.column = quoted(rewriting.column);
  const std::string column = "t." + words.column;
  const std::string category = found->text(0, 1);
  if (category == "I") {
    words.text = "case when masklen(" + column + ") = case family(" + column +
                 ") when 4 then 32 else 128 end then host(" + column + ") else " + column + "::text end";
  } else {
    words.text = category == "D" ? "(to_json(" + column + ") #>> '{}')" : column + "::text";
  }
  if (category != "S") words.cast = "::" + found->text(0, 0);
  const auto other = [](const std::string& one) { return one.empty() ? "null" : "t." + quoted(one) + "::text"; };
  words.read = words.text + ", " + other(rewriting.key_column) + ", " + other(rewriting.beside);
  words.left = column + " is not null";
  if (rewriting.keep.empty()) {
    words.left += " and $1 = ''";
  } else if (rewriting.key_column.empty()) {
    words.left += " and left(" + words.text + ", length($1)) <> $1";
  } else {
    words.left += " and " + other(rewriting.key_column) + " is distinct from $1";
  }
  return words;
}

// Rows of Words::read, in front of which stands their place in `table`.
std::vector<OldText> old_texts(const Answer& rows, const std::string& table) {
  std::vector<OldText> old;
  old.reserve(rows.rows());
  const auto optional = [&](std::size_t row, std::size_t column) {
    return rows.is_null(row, column) ? std::nullopt : std::optional(rows.text(row, column));
  };
  for (std::size_t row = 0; row < rows.rows(); ++row)
    old.push_back({rows.text(row, 1), optional(row, 2), optional(row, 3),
                   "the row of " + table + " with ctid " + rows.text(row, 0)});
  return old;
}

class Pass {
 public:
  Pass(Connection& connection, const Rewriting& rewriting, const Words& words, std::string table, std::string label)
      : connection_(connection),
        rewriting_(rewriting),
        words_(words),
        table_(std::move(table)),
        label_(std::move(label)),
        what_("rewrite " + rewriting.table.text() + "." + rewriting.column) {}

  Result<void> run(const std::stop_token& stop) {
    SLUICE_TRY(const Answer size, asked("select pg_relation_size($1::regclass) / current_setting('block_size')::bigint",
                                        Parameters().text(table_)));
    const std::int64_t blocks = size.integer(0, 0);
    for (std::int64_t block = 0; block < blocks && !stop.stop_requested(); block += step)
      SLUICE_CHECK(blocks_from(block, stop));
    return {};
  }

  std::uint64_t changed() const { return changed_; }
  std::uint64_t met() const { return met_; }  // that had to be changed, also where another transaction was faster

 private:
  // Rows of some 100 bytes or more: a step holds a few thousand at most.
  static constexpr std::int64_t step = 32;

  Result<void> blocks_from(std::int64_t block, const std::stop_token& stop) {
    std::string after = "(" + std::to_string(block) + ",0)";  // a block's first row is number 1
    while (!stop.stop_requested()) {
      const std::string find = "select t.ctid::text, " + words_.read + " from only " + table_ + " t where t.ctid > '" +
                               after + "'::tid and t.ctid < '(" + std::to_string(block + step) + ",0)'::tid and " +
                               words_.left + " order by t.ctid limit " + std::to_string(rewriting_.batch);
      SLUICE_TRY(const Answer rows, asked(find, Parameters().text(rewriting_.keep)));
      if (rows.rows() == 0) return {};
      SLUICE_TRY(const bool written, change(rows));
      if (written) after = rows.text(rows.rows() - 1, 0);
    }
    return {};
  }

  // False: the transaction gave way to another one, and may be tried again.
  Result<bool> change(const Answer& rows) {
    const std::vector<OldText> old = old_texts(rows, label_);
    std::vector<std::optional<std::string>> fresh;
    SLUICE_CHECK(rewriting_.replace(old, fresh));
    std::vector<std::string_view> places, texts, news, keys, besides;
    for (std::size_t row = 0; row < old.size(); ++row) {
      if (!fresh[row]) continue;
      places.push_back(rows.bytes(row, 0));
      texts.emplace_back(old[row].text);
      news.emplace_back(*fresh[row]);
      keys.emplace_back(old[row].key ? std::string_view(*old[row].key) : std::string_view());
      besides.emplace_back(old[row].beside ? std::string_view(*old[row].beside) : std::string_view());
    }
    if (places.empty()) return true;
    SLUICE_CRASH_POINT("rewrap_batch_made");
    const bool keyed = !rewriting_.key_column.empty();
    const std::string key = keyed ? quoted(rewriting_.key_column) : "";
    // `any` gives a scan of just those places; the join alone would read the table.
    const std::string sql =
        "update only " + table_ + " t set " + words_.column + " = v.fresh" + words_.cast +
        (keyed ? ", " + key + " = $6" : "") +
        " from unnest($1::text[]::tid[], $2::text[], $3::text[], $4::text[], $5::text[]) v(place, old, fresh, key, "
        "beside) where t.ctid = any($1::text[]::tid[]) and t.ctid = v.place and " +
        words_.text + " = v.old" + (keyed ? " and t." + key + "::text = v.key" : "") +
        (rewriting_.beside.empty() ? "" : " and t." + quoted(rewriting_.beside) + "::text = v.beside");
    Parameters parameters;
    parameters.texts(places).texts(texts).texts(news).texts(keys).texts(besides);
    if (keyed) parameters.text(rewriting_.keep);
    const Reply reply = connection_.ask(sql, parameters);
    if (!reply) {
      const ServerError& error = reply.error();
      const bool gave_way = error.is("40P01") || error.is("40001") || error.is("55P03");
      if (gave_way && ++lost_ < tries_max) return false;
      return fail(explained(error));
    }
    SLUICE_CRASH_POINT("rewrap_batch_written");
    changed_ += reply->affected();
    met_ += places.size();
    lost_ = 0;
    return true;
  }

  Error explained(const ServerError& error) const {
    Error out = connection_.error(error, what_);
    if (error.is("23505")) out.hint = hint_of_twins(rewriting_);
    if (error.is("22001")) out.hint = "the new key's id is longer: widen the column, then go on by the same command";
    return out;
  }

  Result<Answer> asked(const std::string& sql, const Parameters& parameters) {
    Reply reply = connection_.ask(sql, parameters);
    if (!reply) return fail(explained(reply.error()));
    return std::move(*reply);
  }

  Connection& connection_;
  const Rewriting& rewriting_;
  const Words& words_;
  std::string table_;
  std::string label_;  // for messages
  std::string what_;
  std::uint64_t changed_ = 0;
  std::uint64_t met_ = 0;
  int lost_ = 0;  // times, in a row
};

// Whether any row is left to be changed: a row may have moved from where a pass had not been to where it had.
class Rest {
 public:
  Rest(Connection& connection, const Rewriting& rewriting, const Words& words)
      : connection_(connection), rewriting_(rewriting), words_(words) {}

  Result<bool> any(const std::stop_token& stop) {
    if (rewriting_.keep.empty()) return any_of_one_moment(stop);
    SLUICE_TRY(const Answer left,
               asked("select exists (select from " + quoted(rewriting_.table) + " t where " + words_.left + ")"));
    return left.flag(0, 0);
  }

 private:
  Result<bool> any_of_one_moment(const std::stop_token& stop) {
    SLUICE_CHECK(ran("begin read only"));
    const Result<bool> found = read_all(stop);
    const Result<void> ended = ran("rollback");
    if (!found) return fail(Error(found.error()));
    SLUICE_CHECK(ended);
    return *found;
  }

  Result<bool> read_all(const std::stop_token& stop) {
    const std::string sql = "declare sluice_rest no scroll cursor for select t.ctid::text, " + words_.read + " from " +
                            quoted(rewriting_.table) + " t where t." + words_.column + " is not null";
    SLUICE_CHECK(ran(sql));
    while (!stop.stop_requested()) {
      SLUICE_TRY(const Answer rows, asked("fetch " + std::to_string(rewriting_.batch) + " from sluice_rest"));
      if (rows.rows() == 0) return false;
      std::vector<std::optional<std::string>> fresh;
      SLUICE_CHECK(rewriting_.replace(old_texts(rows, rewriting_.table.text()), fresh));
      if (std::ranges::any_of(fresh, [](const auto& one) { return one.has_value(); })) return true;
    }
    return false;
  }

  Error explained(const ServerError& error) const {
    return connection_.error(error, "look for what is left in " + rewriting_.table.text());
  }
  Result<void> ran(const std::string& sql) {
    const Reply reply = connection_.run(sql);
    if (!reply) return fail(explained(reply.error()));
    return {};
  }
  Result<Answer> asked(const std::string& sql) {
    Parameters parameters;
    if (!rewriting_.keep.empty()) parameters.text(rewriting_.keep);
    Reply reply = connection_.ask(sql, parameters);
    if (!reply) return fail(explained(reply.error()));
    return std::move(*reply);
  }

  Connection& connection_;
  const Rewriting& rewriting_;
  const Words& words_;
};

}  // namespace

Result<std::uint64_t> TableDatabase::rewrite(const Rewriting& rewriting, std::stop_token stop) {
  SLUICE_TRY(Connection * connection, session_.connection());
  const std::string name = quoted(rewriting.table);
  SLUICE_TRY(const Words words, words_of(*connection, rewriting));
  // A place names a row within one partition, or one table that inherits, only.
  Reply holders = connection->ask(
      "with recursive own(id) as (select $1::regclass::oid union select i.inhrelid from pg_catalog.pg_inherits i "
      "join own on i.inhparent = own.id) "
      "select pg_catalog.format('%I.%I', n.nspname, c.relname), own.id = $1::regclass from own join "
      "pg_catalog.pg_class c on c.oid = own.id "
      "join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind <> 'p' order by 1",
      Parameters().text(name));
  if (!holders) return fail(connection->error(holders.error(), "look at the table " + rewriting.table.text()));
  std::vector<std::string> tables;
  for (std::size_t row = 0; row < holders->rows(); ++row)
    tables.push_back(holders->flag(row, 1) ? name : holders->text(row, 0));
  if (tables.empty()) tables.push_back(name);
  std::uint64_t changed = 0;
  for (int number = 0; number < passes_max && !stop.stop_requested(); ++number) {
    std::uint64_t met = 0;
    for (const std::string& table : tables) {
      Pass pass(*connection, rewriting, words, table, table == name ? rewriting.table.text() : table);
      SLUICE_CHECK(pass.run(stop));
      changed += pass.changed();
      met += pass.met();
    }
    if (met != 0) continue;
    SLUICE_TRY(const bool left, Rest(*connection, rewriting, words).any(stop));
    if (!left) return changed;
  }
  if (stop.stop_requested()) return changed;
  return fail(Fault::conflict,
              rewriting.table.text() + "." + rewriting.column + ": there are still texts to be replaced after " +
                  std::to_string(passes_max) + " passes over the table",
              "something goes on to write them: start the runs again that began before the key was promoted");
}

}  // namespace sluice::postgres
