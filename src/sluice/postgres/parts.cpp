#include "sluice/postgres/parts.hpp"

#include <algorithm>
#include <cassert>

#include "sluice/core/words.hpp"
#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

// Parts are as large as a reader may hold in memory when it is not its turn: then all of them work all the time.
constexpr std::int64_t part_bytes = std::int64_t{4} << 20U;
constexpr std::int64_t parted_bytes_least = std::int64_t{64} << 20U;  // below it further connections do not pay
constexpr int tid_ranges_since = 140000;                              // before, each range reads the whole file
constexpr std::int64_t key_ranges_most = 1024;
constexpr std::int64_t sampled_blocks = 500;

// Those that hold rows: partitions, however deep, or a table and its children. A detached partition is told apart only
// while it is being detached.
std::string leaves_sql(int server_version) {
  const std::string attached = server_version >= 140000 ? " and not i.inhdetachpending" : "";
  return R"(
with recursive tree(id) as (
  select $1::oid
  union select i.inhrelid from pg_catalog.pg_inherits i join tree on i.inhparent = tree.id)" +
         attached + R"()
select c.oid, n.nspname, c.relname, c.relkind = 'r' and coalesce(m.amname, 'heap') = 'heap',
       pg_catalog.has_table_privilege(c.oid, 'SELECT') and pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.row_security_active(c.oid), pg_catalog.pg_relation_size(c.oid) / s.size,
       pg_catalog.pg_table_size(c.oid)
from tree join pg_catalog.pg_class c on c.oid = tree.id
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_am m on m.oid = c.relam
cross join (select pg_catalog.current_setting('block_size')::bigint as size) s
where c.relkind <> 'p'
order by n.nspname, c.relname)";
}

constexpr const char* index_sql = R"(
select exists (
  select from pg_catalog.pg_index i
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
  join pg_catalog.pg_class x on x.oid = i.indexrelid
  join pg_catalog.pg_am m on m.oid = x.relam
  where i.indrelid = $1::oid and i.indisvalid and i.indpred is null and m.amname = 'btree' and a.attname = $2))";

struct Leaf {
  TableName name;
  std::int64_t blocks = 0;
  std::int64_t bytes = 0;  // with what is stored aside
};

struct Leaves {
  std::vector<Leaf> all;
  std::int64_t bytes = 0;
  std::int64_t blocks = 0;
  std::string apart;  // why they cannot be read one by one; empty: they can
};

class Planning {
 public:
  Planning(Connection& connection, const ReadQuery& query, const Schema& columns, const PartLimits& limits)
      : connection_(connection), query_(query), columns_(columns), limits_(limits) {}

  Result<ReadParts> run() {
    ReadParts whole{query_.sql.empty() ? "select * from " + quoted(query_.table) : query_.sql, {}};
    if (!query_.sql.empty()) {
      assert(query_.order_by.empty() && query_.readers < 2 && "the project's reader refuses it");
      return whole;
    }
    SLUICE_TRY(whole.order, order());
    SLUICE_TRY(const std::optional<Table> table, describe(connection_, query_.table));
    if (!table) return whole;  // a temporary name of another schema: the query itself has found it
    if (table->kind != 'r' && table->kind != 'p') return one_reader(std::move(whole), "it is no table of this server");
    SLUICE_TRY(const Leaves leaves, leaves_of(*table));
    return query_.order_by.empty() ? by_blocks(std::move(whole), *table, leaves)
                                   : by_key(std::move(whole), *table, leaves);
  }

 private:
  Result<Answer> asked(const std::string& sql, const Parameters& parameters) {
    Reply reply = connection_.ask(sql, parameters);
    if (!reply) return fail(connection_.error(reply.error(), "plan how to read " + query_.table.text()));
    return std::move(*reply);
  }

  Result<std::string> order() const {
    std::string out;
    std::vector<std::string> names;
    for (const Field& field : columns_) names.push_back(field.name);
    for (const std::string& column : query_.order_by) {
      if (std::ranges::find(names, column) == names.end()) {
        return fail(Fault::config,
                    query_.place.text() + ": 'order_by': table \"" + query_.table.text() + "\" has no column \"" +
                        column + "\"",
                    did_you_mean(column, names));
      }
      out += (out.empty() ? " order by " : ", ") + quoted(column);
    }
    return out;
  }

  Result<ReadParts> one_reader(ReadParts whole, const std::string& why) const {
    if (query_.readers < 2) return whole;
    return fail(Fault::config,
                query_.place.text() + ": 'readers: " + std::to_string(query_.readers) + "': one reader has to read \"" +
                    query_.table.text() + "\", since " + why,
                "leave `readers` out, or write `readers: 1`");
  }

  Result<Leaves> leaves_of(const Table& table) {
    SLUICE_TRY(const Answer found, asked(leaves_sql(connection_.server_version()), Parameters().integer(table.id)));
    Leaves leaves;
    for (std::size_t row = 0; row < found.rows(); ++row) {
      Leaf leaf{{found.text(row, 1), found.text(row, 2)}, found.integer(row, 6), found.integer(row, 7)};
      const std::string name = "\"" + leaf.name.text() + "\"";
      if (!limits_.locked(found.integer(row, 0))) leaves.apart = name + " was attached only now";
      if (!found.flag(row, 3)) leaves.apart = name + " is no table of this server";
      if (!found.flag(row, 4)) leaves.apart = "user \"" + connection_.user() + "\" may not read " + name + " by itself";
      if (found.flag(row, 5)) leaves.apart = name + " has row security for user \"" + connection_.user() + "\"";
      leaves.bytes += leaf.bytes;
      leaves.blocks += leaf.blocks;
      leaves.all.push_back(std::move(leaf));
    }
    if (table.row_security) leaves.apart = "it has row security for user \"" + connection_.user() + "\"";
    return leaves;
  }

  std::size_t readers_for(const Leaves& leaves) const {
    if (query_.readers > 0) return query_.readers;
    return leaves.bytes < parted_bytes_least ? 1 : limits_.readers;
  }

  // Columns by name: partitions may have them in another order, and children more of them.
  std::string select_only() const {
    std::string out;
    for (const Field& field : columns_) out += (out.empty() ? "select " : ", ") + quoted(field.name);
    return out + " from only ";
  }

  Result<ReadParts> by_blocks(ReadParts whole, const Table& table, const Leaves& leaves) const {
    if (!leaves.apart.empty()) return one_reader(std::move(whole), leaves.apart);
    std::size_t readers = readers_for(leaves);
    if (readers > 1 && connection_.server_version() < tid_ranges_since) {
      SLUICE_CHECK(one_reader({}, "servers before 14 find no ranges of blocks (give `order_by`)"));
      readers = 1;
    }
    ReadParts parts{select_only(), {}};
    for (const Leaf& leaf : leaves.all) {
      std::int64_t each = std::max<std::int64_t>(leaf.blocks, 1);
      if (readers > 1) {
        each = std::max<std::int64_t>(1, leaf.blocks * part_bytes / std::max<std::int64_t>(leaf.bytes, 1));
        if (query_.readers > 1) {  // also of a small table each gets something
          const auto sharing = static_cast<std::int64_t>(readers);
          each = std::min(each, std::max<std::int64_t>(1, (leaves.blocks + sharing - 1) / sharing));
        }
      }
      const std::vector<BlockRange> ranges = block_ranges(parts.tables.size(), leaf.blocks, each);
      parts.blocks.insert(parts.blocks.end(), ranges.begin(), ranges.end());
      parts.tables.push_back(leaf.name);
    }
    parts.readers = std::min(readers, parts.blocks.size());
    const bool alone = table.kind == 'r' && parts.blocks.size() == 1;
    return parts.blocks.empty() || alone ? whole : parts;
  }

  // By the tables that hold the rows, as above: a partition that is attached meanwhile would be in some parts only.
  Result<ReadParts> by_key(ReadParts whole, const Table& table, const Leaves& leaves) {
    if (!leaves.apart.empty()) return one_reader(std::move(whole), leaves.apart);
    const std::size_t readers = readers_for(leaves);
    if (readers < 2 || leaves.all.empty()) return whole;
    const std::string& first = query_.order_by.front();
    SLUICE_TRY(const Answer index, asked(index_sql, Parameters().integer(table.id).text(first)));
    std::int64_t count =
        std::clamp<std::int64_t>(leaves.bytes / part_bytes, static_cast<std::int64_t>(readers), key_ranges_most);
    if (!index.flag(0, 0)) {  // each range looks through the whole table
      if (query_.readers == 0) return whole;
      count = static_cast<std::int64_t>(readers);
    }
    SLUICE_TRY(const std::vector<std::string> bounds, bounds_of(first, leaves, count));
    if (bounds.empty()) return whole;
    const auto column = std::ranges::find(table.columns, first, &Column::name);
    ReadParts parts{select_only(), whole.order};
    parts.conditions = key_ranges(quoted(first), bounds, column == table.columns.end() || !column->not_null);
    for (const Leaf& leaf : leaves.all) parts.tables.push_back(leaf.name);
    parts.readers = std::min(readers, parts.count());
    return parts;
  }

  // Values that cut the column's into `count` runs of about the same length, by a sample. Any values would do: they
  // decide how even the parts are, and nothing else.
  Result<std::vector<std::string>> bounds_of(const std::string& column, const Leaves& leaves, std::int64_t count) {
    const double wanted = static_cast<double>(std::max(sampled_blocks, 2 * count));
    const double share = 100.0 * wanted / static_cast<double>(std::max<std::int64_t>(leaves.blocks, 1));
    const std::string name = quoted(column);
    const std::string pieces = std::to_string(count);
    SLUICE_TRY(const Answer found,
               asked("select v::text from (select " + name + " as v, row_number() over (order by " + name +
                         ") as r, count(*) over () as n from " + quoted(query_.table) + " tablesample system (" +
                         std::to_string(std::min(share, 100.0)) + ") repeatable (1) where " + name +
                         " is not null) s where r > 1 and (r - 1) * " + pieces + " / n <> (r - 2) * " + pieces +
                         " / n order by r",
                     Parameters()));
    std::vector<std::string> bounds;
    for (std::size_t row = 0; row < found.rows(); ++row) {
      std::string bound = literal(found.bytes(row, 0));
      if (bounds.empty() || bounds.back() != bound) bounds.push_back(std::move(bound));
    }
    return bounds;
  }

  Connection& connection_;
  const ReadQuery& query_;
  const Schema& columns_;
  const PartLimits& limits_;
};

}  // namespace

std::vector<BlockRange> block_ranges(std::size_t table, std::int64_t blocks, std::int64_t blocks_each) {
  std::vector<BlockRange> out{{table, 0, std::nullopt}};
  for (std::int64_t first = blocks_each; first < blocks; first += blocks_each) {
    out.back().end = first;
    out.push_back({table, first, std::nullopt});
  }
  return out;
}

std::vector<std::string> key_ranges(const std::string& column, const std::vector<std::string>& bounds, bool nullable) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    std::string range;
    if (i > 0) range = column + " >= " + bounds[i - 1];
    if (i < bounds.size()) range += (range.empty() ? "" : " and ") + column + " < " + bounds[i];
    if (range.empty()) range = column + " is not null";
    out.push_back(std::move(range));
  }
  if (nullable) out.push_back(column + " is null");
  return out;
}

std::size_t ReadParts::count() const { return std::max<std::size_t>({1, blocks.size(), conditions.size()}); }

std::string ReadParts::sql(std::size_t part) const {
  if (!conditions.empty()) {
    std::string out;
    for (const TableName& table : tables)
      out += (out.empty() ? "" : " union all ") + select + quoted(table) + " where " + conditions[part];
    return out + order;
  }
  if (blocks.empty()) return select + order;
  const BlockRange& range = blocks[part];
  std::string out = select + quoted(tables[range.table]);
  if (range.first > 0) out += " where ctid >= '(" + std::to_string(range.first) + ",0)'::tid";
  if (range.end)
    out += (range.first > 0 ? " and" : " where") + std::string(" ctid < '(") + std::to_string(*range.end) + ",0)'::tid";
  return out;
}

Result<ReadParts> plan_parts(Connection& connection, const ReadQuery& query, const Schema& columns,
                             const PartLimits& limits) {
  return Planning(connection, query, columns, limits).run();
}

}  // namespace sluice::postgres
