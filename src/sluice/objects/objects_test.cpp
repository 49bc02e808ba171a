// Objects as rows: where a row ends, what is unpacked, what is refused, and that an object which changes under the
// reader is never half old and half new.
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "sluice/core/words.hpp"
#include "sluice/objects/memory_store.hpp"
#include "sluice/objects/object_source.hpp"

namespace sluice::objects {
namespace {

struct Seen {
  std::vector<std::string> rows;  // "LINE:TEXT"
  std::vector<std::string> headers;
  std::string error;
};

Seen read_all(MemoryStore& store, const std::vector<std::string>& keys, RowsOptions options = {}) {
  std::vector<ObjectFacts> objects;
  for (const std::string& key : keys) objects.push_back(store.facts(key));
  Seen seen;
  const auto parts = open_parts(store, std::move(objects), std::move(options));
  EXPECT_TRUE(parts->start(Known(keys.size(), false)));
  Delivery part;
  while (true) {
    const Result<bool> more = parts->next(part);
    if (!more) {
      seen.error = more.error().text();
      return seen;
    }
    if (!*more) return seen;
    for (const Message& message : part.messages) {
      seen.rows.push_back(std::to_string(message.line) + ":" + std::string(message.body));
      const std::string header = unpack_origin(message.attributes).header;
      if (seen.headers.empty() || seen.headers.back() != header) seen.headers.push_back(header);
    }
  }
}

Seen read_text(const std::string& bytes, RowsOptions options = {}, const std::string& key = "x.csv") {
  MemoryStore store;
  store.set(key, bytes);
  return read_all(store, {key}, std::move(options));
}

using Rows = std::vector<std::string>;

TEST(Rows, stand_on_lines_and_the_last_one_needs_no_line_end) {
  EXPECT_EQ(read_text("a,b\n1,2\n3,4").rows, (Rows{"2:1,2", "3:3,4"}));
  EXPECT_EQ(read_text("a,b\r\n1,2\r\n3,4\r\n").rows, (Rows{"2:1,2", "3:3,4"}));
}

TEST(Rows, know_their_header_without_its_byte_order_mark) {
  EXPECT_EQ(read_text("\xEF\xBB\xBF"
                      "a,b\n1,2\n")
                .headers,
            (Rows{"a,b"}));
}

TEST(Rows, hold_line_ends_delimiters_and_quotes_inside_quotes) {
  const Seen seen = read_text("a,b\n\"x\ny\",\"say \"\"no\"\"\"\n5\" pipe,2\n\"\",\"a,\nb\"\n7,8");
  EXPECT_EQ(seen.rows, (Rows{"2:\"x\ny\",\"say \"\"no\"\"\"", "4:5\" pipe,2", "5:\"\",\"a,\nb\"", "7:7,8"}));
}

TEST(Rows, that_are_blank_count_only_where_there_is_one_column) {
  EXPECT_EQ(read_text("a,b\n\n1,2\n\n").rows, (Rows{"3:1,2"}));
  EXPECT_EQ(read_text("a\n\n1\n").rows, (Rows{"2:", "3:1"}));
  RowsOptions options;
  options.dialect.csv.header = false;
  EXPECT_EQ(read_text("\n1\n\n", options).rows, (Rows{"2:1"}));
  options.one_column = true;
  EXPECT_EQ(read_text("\n1\n\n", options).rows, (Rows{"1:", "2:1", "3:"}));
}

TEST(Rows, are_the_same_however_the_bytes_are_cut) {
  std::string bytes = "a,b\n";
  for (int i = 0; i < 300; ++i)
    bytes += std::to_string(i) + ",\"line\n\"\"" + std::string(static_cast<std::size_t>(i % 40), 'x') + "\"\n";
  const Seen whole = read_text(bytes);
  EXPECT_EQ(whole.rows.size(), 300U);
  for (const std::size_t part : {64U, 100U, 1000U}) {
    for (const std::size_t piece : {1U, 7U, 999U}) {
      MemoryStore store;
      store.piece_bytes = piece;
      store.set("x.csv", bytes);
      RowsOptions options;
      options.part_bytes = part;
      EXPECT_EQ(read_all(store, {"x.csv"}, options).rows, whole.rows) << part << " " << piece;
    }
  }
}

TEST(Rows, of_json_lines_have_no_header_and_quotes_mean_nothing) {
  RowsOptions options;
  options.dialect.format = Format::json_lines;
  EXPECT_EQ(read_text("{\"a\": \"}\n{\"b\"\n\n", options).rows, (Rows{"1:{\"a\": \"}", "2:{\"b\""}));
}

TEST(Rows, longer_than_a_mebibyte_come_cut_off_and_the_next_one_is_whole) {
  const std::string longer(50U << 20U, 'x');
  const Seen seen = read_text("a,b\n1," + longer + "\n2,3\n");
  ASSERT_EQ(seen.rows.size(), 2U);
  EXPECT_EQ(seen.rows[0].size(), 2 + (1U << 20U) + 1);
  EXPECT_EQ(seen.rows[1], "3:2,3");
}

TEST(Rows, end_with_an_error_where_a_quote_is_never_closed) {
  const Seen seen = read_text("a,b\n1,2\n3,\"4\n5,6\n");
  EXPECT_NE(seen.error.find("memory/x.csv: line 3: a quote is opened and never closed"), std::string::npos)
      << seen.error;
}

TEST(Rows, of_an_empty_object_are_an_error_and_of_a_header_alone_none) {
  EXPECT_NE(read_text("").error.find("memory/x.csv: the object is empty"), std::string::npos);
  const Seen seen = read_text("a,b\n");
  EXPECT_EQ(seen.error, "");
  EXPECT_TRUE(seen.rows.empty());
}

TEST(Rows, may_begin_with_the_letters_of_parquet_and_parquet_is_told) {
  EXPECT_EQ(read_text("PAR1,PAR2\n1,2\n").rows, (Rows{"2:1,2"}));
  RowsOptions options;
  options.dialect.csv.header = false;
  EXPECT_EQ(read_text("PAR1\nPAR2\n", options).rows, (Rows{"1:PAR1", "2:PAR2"}));
  EXPECT_NE(read_text("PAR1\x15\x04\x15").error.find("the object is Parquet, as it begins"), std::string::npos);
}

TEST(Rows, are_not_read_under_a_header_that_does_not_fit) {
  RowsOptions options;
  options.check_header = [](std::string_view header) -> Result<void> {
    return fail(Fault::conflict, "not the header: " + std::string(header));
  };
  EXPECT_EQ(read_text("a,b\n1,2\n", options).error, "memory/x.csv: not the header: a,b");
}

std::string gzipped(const std::string& text) {
  z_stream state{};
  EXPECT_EQ(deflateInit2(&state, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 1000, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&state, Z_FINISH), Z_STREAM_END);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* state = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(state, ZSTD_c_checksumFlag, 1);
  out.resize(ZSTD_compress2(state, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(state);
  return out;
}

TEST(PackedRows, are_unpacked_by_the_name_of_their_object) {
  std::string text = "a,b\n";
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + "," + std::to_string(i * i) + "\n";
  const Rows plain = read_text(text).rows;
  EXPECT_EQ(read_text(gzipped(text), {}, "x.csv.gz").rows, plain);
  EXPECT_EQ(read_text(gzipped(text.substr(0, 777)) + gzipped(text.substr(777)), {}, "x.csv.gz").rows, plain);
  EXPECT_EQ(read_text(zstd(text), {}, "x.csv.zst").rows, plain);
  EXPECT_EQ(read_text(zstd(text.substr(0, 777)) + zstd(text.substr(777)), {}, "x.csv.zst").rows, plain);
}

TEST(PackedRows, that_are_cut_off_or_no_such_data_are_an_error) {
  std::string text = "a,b\n";
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + "," + std::to_string(i * i) + "\n";
  for (const auto& [packed, name] : {std::pair(gzipped(text), "x.gz"), std::pair(zstd(text), "x.zst")}) {
    const std::string cut = read_text(packed.substr(0, packed.size() / 2), {}, name).error;
    EXPECT_NE(cut.find("data is cut off"), std::string::npos) << cut;
    std::string damaged = packed;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    EXPECT_NE(read_text(damaged, {}, name).error, "") << name;
    EXPECT_NE(read_text(text, {}, name).error.find("is no "), std::string::npos);
  }
}

TEST(OverwrittenObject, is_an_error_and_then_read_whole_in_its_new_version) {
  MemoryStore store;
  std::string old_rows = "a\n";
  std::string new_rows = "a\n";
  for (int i = 0; i < 1000; ++i) {
    old_rows += "old\n";
    new_rows += "new\n";
  }
  store.set("x.csv", old_rows);
  bool changed = false;
  store.on_read = [&](const std::string& key, std::uint64_t offset) {
    if (changed || offset < 2000) return;
    changed = true;
    store.set(key, new_rows);
  };
  std::vector<ObjectProof> objects{proof_of(store, store.facts("x.csv"))};
  const std::string old_version = objects[0].version;
  RowsOptions options;
  options.part_bytes = 1000;
  const auto parts = open_parts(store, {store.facts("x.csv")}, options);
  ASSERT_TRUE(parts->start({false}));
  Delivery part;
  Result<bool> more = true;
  while (more && *more) more = parts->next(part);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().fault, Fault::transient);
  EXPECT_NE(more.error().text().find("memory/x.csv: was overwritten while it was read"), std::string::npos);

  ASSERT_TRUE(parts->look_again(objects));
  EXPECT_NE(objects[0].version, old_version);
  ASSERT_TRUE(parts->start({false}));
  std::size_t rows = 0;
  for (more = parts->next(part); more && *more; more = parts->next(part)) {
    for (const Message& message : part.messages) rows += message.body == "new" ? 1 : 1000000;
  }
  EXPECT_TRUE(more);
  EXPECT_EQ(rows, 1000U);
}

TEST(Rows, go_on_behind_each_part_as_if_nothing_had_happened) {
  std::string text =
      "\xEF\xBB\xBF"
      "a,b\r\n";
  for (int i = 0; i < 900; ++i) text += std::to_string(i) + (i % 7 == 0 ? ",\"x\ny\"\r\n" : ",z\r\n");
  for (const bool with_header : {true, false}) {
    for (const auto& [bytes, key] :
         {std::pair(text, "x.csv"), std::pair(gzipped(text), "x.csv.gz"), std::pair(zstd(text), "x.csv.zst")}) {
      MemoryStore store;
      store.set(key, bytes);
      RowsOptions options;
      options.part_bytes = 700;
      options.dialect.csv.header = with_header;
      const auto rest_of = [&](const Progress& from, std::vector<Progress>* ends) {
        Rows rows;
        const auto parts = open_parts(store, {store.facts(key)}, options);
        EXPECT_TRUE(parts->start({false}));
        if (from.rows > 0) {
          EXPECT_TRUE(parts->go_on_from(from));
        }
        Delivery part;
        for (Result<bool> more = parts->next(part); more && *more; more = parts->next(part)) {
          for (const Message& message : part.messages)
            rows.push_back(to_uuid(message.key) + std::to_string(message.line) + std::string(message.body));
          if (ends != nullptr) ends->push_back(part.upto);
        }
        return rows;
      };
      std::vector<Progress> ends;
      const Rows all = rest_of({}, &ends);
      EXPECT_EQ(all.size(), with_header ? 900U : 901U);
      ASSERT_GT(ends.size(), 5U);
      EXPECT_EQ(ends.back().rows, all.size());
      for (const Progress& end : ends)
        EXPECT_EQ(rest_of(end, nullptr), Rows(all.begin() + static_cast<std::ptrdiff_t>(end.rows), all.end())) << key;
    }
  }
}

TEST(Keys, are_those_of_the_objects_version_and_the_rows_line) {
  MemoryStore store;
  store.set("x.csv", "a\n1\n2\n");
  const auto keys = [&store] {
    std::vector<Key> out;
    const auto parts = open_parts(store, {store.facts("x.csv")}, {});
    EXPECT_TRUE(parts->start({false}));
    Delivery part;
    EXPECT_TRUE(parts->next(part));
    for (const Message& message : part.messages) out.push_back(message.key);
    return out;
  };
  const std::vector<Key> first = keys();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_NE(first[0], first[1]);
  EXPECT_EQ(keys(), first);
  store.set("x.csv", "a\n1\n2\n");
  EXPECT_NE(keys(), first);
}

TEST(Groups, hold_small_objects_together_and_all_of_them_where_they_are_replaced) {
  std::vector<ObjectFacts> objects;
  for (int i = 0; i < 200; ++i) objects.push_back({std::to_string(i), 10000, "v", 0});
  objects.push_back({"large", 100U << 20U, "v", 0});
  EXPECT_EQ(group(objects, true).size(), 1U);
  const auto groups = group(objects, false);
  ASSERT_EQ(groups.size(), 5U);
  EXPECT_EQ(groups[0].size(), 64U);
  EXPECT_EQ(groups[4].size(), 1U);
}

TEST(ObjectSource, hands_out_each_group_once_and_ends_when_all_are_settled) {
  MemoryStore store;
  store.set("a", "h\n1\n");
  store.set("b", "h\n2\n");
  ObjectSource source(store, {{store.facts("a")}, {store.facts("b")}}, {});
  Wanted wanted;
  wanted.patience = std::chrono::milliseconds(1);
  const auto first = source.next(wanted);
  ASSERT_TRUE(first && first->delivery);
  EXPECT_EQ(first->delivery->proof, Proof::objects);
  EXPECT_EQ(first->delivery->objects.at(0).uri, "memory/a");
  const auto second = source.next(wanted);
  ASSERT_TRUE(second && second->delivery);
  EXPECT_FALSE(source.next(wanted)->ended);
  ASSERT_TRUE(source.settle(first->delivery->receipt));
  ASSERT_TRUE(source.settle(second->delivery->receipt));
  EXPECT_TRUE(source.next(wanted)->ended);
}

}  // namespace
}  // namespace sluice::objects
