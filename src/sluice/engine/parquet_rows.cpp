// The rows of Parquet files as messages. DuckDB gives every column as the text that our CSV decoder reads, so that the
// record's contract, rejects and replays are those of CSV.
#include <algorithm>
#include <duckdb/common/type_visitor.hpp>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/core/words.hpp"
#include "sluice/engine/parquet_duck.hpp"
#include "sluice/engine/types.hpp"

namespace sluice::engine {
namespace {

constexpr std::size_t padding = 64;  // readable behind each row, as decoders want it
constexpr std::int64_t decimal_digits_max = 38;

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out += c == quote ? std::string(2, c) : std::string(1, c);
  return out + quote;
}

const std::string& column_of(const RecordField& field) { return field.path.empty() ? field.name : field.path.front(); }

// Whether each value of the file's type is one of the record's, or can be told by itself not to be. A number that is
// rounded, a time of another zone, a text that happens to be a date: these are other types.
bool fits(Kind wanted, Kind there) {
  const auto is = [there](std::initializer_list<Kind> kinds) { return std::ranges::find(kinds, there) != kinds.end(); };
  switch (wanted) {
    case Kind::int32:
    case Kind::int64:
    case Kind::decimal: return is({Kind::int32, Kind::int64, Kind::decimal});
    case Kind::float64: return is({Kind::float64, Kind::int32});
    case Kind::text: return is({Kind::text, Kind::json, Kind::uuid});
    case Kind::json: return is({Kind::json, Kind::text});
    case Kind::uuid: return is({Kind::uuid, Kind::text});
    default: return wanted == there;
  }
}

// As the decoder reads it.
std::string as_text(const std::string& column, const duckdb::LogicalType& type, Kind kind) {
  const std::string name = quoted(column, '"');
  switch (kind) {
    case Kind::bytes: return "to_base64(" + name + ")";
    // DuckDB's own words are `nan` and `inf`.
    case Kind::float64:
      return "case when isnan(" + name + ") then 'NaN' when isinf(" + name + ") then if(" + name +
             " > 0, 'Infinity', '-Infinity') else " + name + "::varchar end";
    // The same moment without a zone; DuckDB would tell it in that of the session.
    case Kind::timestamp_tz: return "make_timestamp(epoch_us(" + name + "))::varchar || 'Z'";
    case Kind::json: return type.IsJSONType() ? name + "::varchar" : name + "::json::varchar";
    default: return name + "::varchar";
  }
}

class ParquetRows final : public Parts {
 public:
  ParquetRows(std::shared_ptr<ParquetDuck> duck, ObjectStore& store, std::vector<ObjectFacts> objects, Record record,
              const ParquetRowsOptions& options)
      : duck_(std::move(duck)),
        store_(store),
        objects_(std::move(objects)),
        record_(std::move(record)),
        options_(options) {}
  ~ParquetRows() override { close(); }

  Result<void> start(const Known& known) override {
    close();
    known_ = known;
    next_ = 0;
    from_ = {};
    return {};
  }

  Result<void> go_on_from(const Progress& upto) override {
    from_ = upto;
    return {};
  }

  Result<bool> next(Delivery& part) override {
    part.messages.clear();
    part.memory.reset();
    part.bytes = 0;
    while (true) {
      if (!rows_) {
        while (next_ < objects_.size() && known_.at(next_)) ++next_;
        if (next_ == objects_.size()) return false;
        object_ = next_++;
        SLUICE_CHECK(noted(open()));
      }
      SLUICE_TRY(const bool more, noted(fill(part)));
      if (!more) close();
      if (!part.messages.empty()) {
        part.upto = {row_, 0, row_ + 1};
        return true;
      }
    }
  }

  Result<void> look_again(std::vector<ObjectProof>& objects) override {
    if (!overwritten_) return {};
    overwritten_ = false;
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      SLUICE_TRY(auto facts, store_.head(objects_[i].key));
      if (!facts) return fail(Fault::conflict, store_.uri(objects_[i].key) + " was removed while it was read");
      objects_[i] = *std::move(facts);
      objects[i] = objects::proof_of(store_, objects_[i]);
    }
    return {};
  }

 private:
  // What the messages of a part view.
  struct Held {
    std::string text;
    std::shared_ptr<const std::string> attributes;
  };

  const ObjectFacts& object() const { return objects_[object_]; }

  // An object that was overwritten is read again from its start, in its new version.
  template <class T>
  Result<T> noted(Result<T> result) {
    if (result) return result;
    close();
    Error error = std::move(result).error();
    const std::string uri = store_.uri(object().key);
    if (!error.message.starts_with(uri)) error = std::move(error).within(uri);
    if (const auto facts = store_.head(object().key); facts && *facts && (*facts)->version != object().version) {
      overwritten_ = true;
      SLUICE_CRASH_POINT("C4_overwritten");
      error = {Fault::transient, uri + ": was overwritten while it was read", "run again when it stays as it is"};
    }
    return fail(std::move(error));
  }

  // DuckDB's messages name the file as it knows it, and may quote a value.
  static tl::unexpected<Error> broken(const duckdb::ErrorData& error, const char* otherwise) {
    if (auto ours = ObjectFiles::error_of(error)) {
      // A footer that names bytes which are not there.
      if (ours->fault == Fault::conflict) ours->fault = Fault::data;
      return fail(*std::move(ours));
    }
    if (error.Type() == duckdb::ExceptionType::OUT_OF_MEMORY) {
      return fail(Fault::failed, "a row group of it needs more memory than a reader may take",
                  "write it again with smaller row groups");
    }
    return fail(Fault::data, otherwise, "write the object again");
  }

  void close() {
    rows_.reset();
    connection_.reset();
    if (!name_.empty()) duck_->files.give_back(name_);
    name_.clear();
  }

  Result<void> open() {
    name_ = duck_->files.lend(store_, object());
    connection_ = std::make_unique<duckdb::Connection>(duck_->database);
    const std::string from = " from read_parquet('" + name_ + "')";
    try {
      auto all = connection_->Prepare("select *" + from);
      if (all->HasError()) return broken(all->GetErrorObject(), "it is no Parquet file, or it is cut off");
      std::string columns;
      SLUICE_CHECK(check_twice(all->GetNames()));
      SLUICE_CHECK(check_digits(all->GetNames(), all->GetTypes()));
      SLUICE_CHECK(choose(all->GetNames(), all->GetTypes(), columns));
      all.reset();
      const std::string rest = from_.rows == 0 ? "" : " offset " + std::to_string(from_.rows);
      rows_ = connection_->SendQuery("select " + columns + from + rest);
      if (rows_->HasError()) return broken(rows_->GetErrorObject(), "its Parquet data cannot be read");
    } catch (const std::exception& error) {
      return broken(duckdb::ErrorData(error), "it is no Parquet file, or it is cut off");
    }
    key_ = objects::row_key(objects::proof_of(store_, object()), 0);
    row_ = from_.rows;
    from_ = {};
    return {};
  }

  // DuckDB calls the second of two columns c `c_1`, so that the first would be taken for both.
  Result<void> check_twice(const duckdb::vector<std::string>& names) {
    for (const RecordField& field : record_.fields) {
      const std::string& wanted = column_of(field);
      const std::string second = wanted + "_1";
      if (std::ranges::find(names, wanted) == names.end() || std::ranges::find(names, second) == names.end()) continue;
      const auto there = connection_->Query("select count(*) from parquet_schema('" + name_ +
                                            "') where name = " + quoted(second, '\''));
      if (there->HasError()) return broken(there->GetErrorObject(), "its Parquet data cannot be read");
      if (there->GetValue(0, 0).GetValue<std::int64_t>() == 0)
        return fail(Fault::data, "it has column " + wanted + " twice", "write the object again with each column once");
    }
    return {};
  }

  // DuckDB hands a decimal of more than 38 digits on as a DOUBLE, whose numbers are other ones: on its own, and inside
  // a list or a struct.
  Result<void> check_digits(const duckdb::vector<std::string>& names,
                            const duckdb::vector<duckdb::LogicalType>& types) {
    const auto is_wanted = [this](const std::string& name) {
      return std::ranges::any_of(record_.fields,
                                 [&name](const RecordField& field) { return column_of(field) == name; });
    };
    bool may_be = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
      may_be =
          may_be || (is_wanted(names[i]) && duckdb::TypeVisitor::Contains(types[i], duckdb::LogicalTypeId::DOUBLE));
    }
    if (!may_be) return {};
    const auto schema = connection_->Query(
        "select name, coalesce(num_children, 0)::bigint, coalesce(precision, 0)::bigint, coalesce(scale, 0)::bigint "
        "from parquet_schema('" +
        name_ + "')");
    if (schema->HasError()) return broken(schema->GetErrorObject(), "its Parquet data cannot be read");
    // A tree written down from its root, each element before its children.
    std::string column;
    std::int64_t below = 0;  // elements of that column which are still to come
    for (duckdb::idx_t row = 1; row < schema->RowCount(); ++row) {
      const auto number = [&](duckdb::idx_t i) { return schema->GetValue(i, row).GetValue<std::int64_t>(); };
      if (below == 0) {
        column = schema->GetValue(0, row).ToString();
        below = 1;
      }
      below += number(1) - 1;
      if (number(2) <= decimal_digits_max || !is_wanted(column)) continue;
      return fail(Fault::data,
                  "column " + column + " holds decimal(" + std::to_string(number(2)) + "," + std::to_string(number(3)) +
                      ") in the file, and numbers of more than 38 digits cannot be read as they are",
                  "write the object again with decimals of at most 38 digits, or as text");
    }
    return {};
  }

  // What is selected, and the header that the decoder finds the columns by.
  Result<void> choose(const duckdb::vector<std::string>& names, const duckdb::vector<duckdb::LogicalType>& types,
                      std::string& columns) {
    std::string header;
    std::vector<std::string> missing;
    std::vector<bool> named(names.size(), false);
    for (const RecordField& field : record_.fields) {
      const std::string& wanted = column_of(field);
      const auto found = std::ranges::find(names, wanted);
      if (found == names.end()) {
        if (!field.default_text) missing.push_back(wanted);
        continue;
      }
      const auto number = static_cast<std::size_t>(found - names.begin());
      named[number] = true;
      const auto there = from_duck(types[number]);
      if (!there || !fits(field.type.kind, there->type.kind)) {
        return fail(Fault::data,
                    "column " + wanted + " is " + (there ? to_string(there->type) : types[number].ToString()) +
                        " in the file, but " + to_string(field.type) + " in the record",
                    "change the record's type, or write the object again");
      }
      columns += (columns.empty() ? "" : ", ") + as_text(wanted, types[number], there->type.kind);
      header += (header.empty() ? "" : ",") + quoted(wanted, '"');
    }
    if (!missing.empty() || columns.empty()) {
      return fail(Fault::data,
                  "it has no column " + join(missing, ", ") + "; it has " +
                      join(std::vector<std::string>(names.begin(), names.end()), ", "),
                  "mend the object, or name the column in the record: `path: [COLUMN]`");
    }
    if (record_.extra == Record::Extra::reject) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (!named[i])
          return fail(Fault::data, "it has a column that the record does not name: " + names[i],
                      "name it in the record, or say `extra: ignore`");
      }
    }
    attributes_ = std::make_shared<const std::string>(
        objects::pack_origin({store_.uri(object().key), header, "row"}, object().version));
    return {};
  }

  // The rows of some chunks as messages. False: the object has ended.
  Result<bool> fill(Delivery& part) {
    auto held = std::make_shared<Held>();
    held->attributes = attributes_;
    std::string& text = held->text;
    text.reserve(options_.part_bytes + options_.part_bytes / 4);
    std::vector<std::size_t> ends;
    bool more = true;
    while (text.size() < options_.part_bytes) {
      duckdb::unique_ptr<duckdb::DataChunk> chunk;
      duckdb::ErrorData error;
      try {
        if (!rows_->TryFetch(chunk, error)) return broken(error, "its Parquet data cannot be read");
        if (chunk) chunk->Flatten();
      } catch (const std::exception& thrown) {
        return broken(duckdb::ErrorData(thrown), "its Parquet data cannot be read");
      }
      if (!chunk || chunk->size() == 0) {
        more = false;
        break;
      }
      for (std::size_t row = 0; row < chunk->size(); ++row) {
        add_row(*chunk, row, text);
        ends.push_back(text.size());
      }
    }
    text.append(padding, ' ');
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      Message& message = part.messages.emplace_back();
      message.line = ++row_;
      message.key = key_;
      for (std::size_t i = 0; i < 8; ++i)
        message.key.bytes[8 + i] = static_cast<std::uint8_t>(message.line >> (56 - 8 * i));
      message.body = std::string_view(text).substr(begin, end - begin);
      message.attributes = *attributes_;
      begin = end;
    }
    part.bytes = begin;
    part.memory = std::move(held);
    if (!more && row_ == 0 && options_.warn_of_no_rows)
      log::warning("object holds no row", {{"object", store_.uri(object().key)}});
    return more;
  }

  // NULL is an empty field, everything else is quoted.
  static void add_row(const duckdb::DataChunk& chunk, std::size_t row, std::string& out) {
    for (std::size_t i = 0; i < chunk.ColumnCount(); ++i) {
      if (i != 0) out += ',';
      const duckdb::Vector& column = chunk.data[i];
      if (duckdb::FlatVector::IsNull(column, row)) continue;
      const duckdb::string_t& value = duckdb::FlatVector::GetData<duckdb::string_t>(column)[row];
      std::string_view rest(value.GetData(), value.GetSize());
      out += '"';
      for (std::size_t quote = rest.find('"'); quote != std::string_view::npos; quote = rest.find('"')) {
        out.append(rest.substr(0, quote + 1));
        out += '"';
        rest.remove_prefix(quote + 1);
      }
      out.append(rest);
      out += '"';
    }
  }

  std::shared_ptr<ParquetDuck> duck_;
  ObjectStore& store_;
  std::vector<ObjectFacts> objects_;
  Record record_;
  ParquetRowsOptions options_;
  Known known_;
  std::size_t object_ = 0;  // the one that is read
  std::size_t next_ = 0;    // the one after it
  bool overwritten_ = false;

  std::string name_;  // under which DuckDB knows it
  std::unique_ptr<duckdb::Connection> connection_;
  duckdb::unique_ptr<duckdb::QueryResult> rows_;
  std::shared_ptr<const std::string> attributes_;
  Key key_;
  std::uint64_t row_ = 0;
  Progress from_;  // where the first object that is opened goes on
};

}  // namespace

std::shared_ptr<Parts> open_parquet_parts(std::shared_ptr<ParquetDuck> duck, ObjectStore& store,
                                          std::vector<ObjectFacts> objects, Record record,
                                          const ParquetRowsOptions& options) {
  return std::make_shared<ParquetRows>(std::move(duck), store, std::move(objects), std::move(record), options);
}

}  // namespace sluice::engine
