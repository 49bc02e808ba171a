// Masks as DuckDB calls them: over vectors of every kind, with NULL, and with the errors of planning.
#include "sluice/engine/functions.hpp"

#include <gtest/gtest.h>

#include "duckdb/function/function_binder.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"
#include "sluice/engine/duck_database.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::engine {
namespace {

using duckdb::LogicalType;
using duckdb::Value;

class MaskFunctions : public testing::Test {
 protected:
  MaskFunctions()
      : keyring(*mask::Keyring::from_json(
            R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": "primary", "created": "2026-01-31T12:00:00Z", )"
            R"("secret": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}]})",
            "test")),
        database(nullptr),
        connection(database) {
    register_functions(connection, &keyring, 0);
  }

  std::string text(const std::string& sql) {
    auto result = connection.Query(sql);
    if (result->HasError()) return "error: " + result->GetError();
    return result->GetValue(0, 0).ToString();
  }

  // Runs `function` with constants on one vector.
  void run(const std::string& function, duckdb::vector<Value> constants, duckdb::Vector& input, std::size_t count,
           const std::function<void(duckdb::Vector& result)>& look) {
    auto& context = *connection.context;
    context.RunFunctionInTransaction([&] {
      duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> children;
      children.push_back(duckdb::make_uniq<duckdb::BoundReferenceExpression>(LogicalType::VARCHAR, 0U));
      for (Value& constant : constants)
        children.push_back(duckdb::make_uniq<duckdb::BoundConstantExpression>(std::move(constant)));
      duckdb::ErrorData error;
      duckdb::FunctionBinder binder(context);
      auto expression = binder.BindScalarFunction("main", function, std::move(children), error);
      ASSERT_FALSE(error.HasError()) << error.Message();
      duckdb::ExpressionExecutor executor(context, *expression);
      duckdb::DataChunk chunk;
      chunk.InitializeEmpty({LogicalType::VARCHAR});
      chunk.data[0].Reference(input);
      chunk.SetCardinality(count);
      duckdb::Vector result(LogicalType::VARCHAR);
      executor.ExecuteExpression(chunk, result);
      look(result);
    });
  }

  mask::Keyring keyring;
  duckdb::DuckDB database;
  duckdb::Connection connection;
};

TEST_F(MaskFunctions, give_what_the_mask_gives) {
  for (const char* call :
       {"mask_hmac('203.0.113.7', 'ip')", "mask_siv('203.0.113.7', 'visits', 'ip')", "mask_ip('203.0.113.7')",
        "mask_ip_prefix('203.0.113.7', 'd')", "mask_fpe('593-47-5928', 'digits', '-')",
        "mask_sha256('x', 'salt', 'after')", "mask_partial('abcdef', 1, 2)", "mask_redact('x')",
        "mask_truncate_ip('203.0.113.7', 24)", "mask_email('ann@example.com')"}) {
    const std::string got = text(std::string("select ") + call);
    EXPECT_FALSE(got.starts_with("error")) << call << ": " << got;
    EXPECT_EQ(text(std::string("select ") + call), got);
  }
  EXPECT_EQ(text("select mask_ip('203.0.113.7')"), "924c:d15:2494:f61c:93b8:66c4:ba3d:ae5a");
  EXPECT_EQ(text("select mask_fpe('593-47-5928', 'digits', '-')"), "096-55-4788");
  EXPECT_EQ(text("select mask_partial('abcdef', 1, 2)"), "a***ef");
}

TEST_F(MaskFunctions, move_dates_and_times_of_one_entity_alike) {
  EXPECT_EQ(text("select mask_date_shift(date '2026-01-31', 'u1')"), "2025-03-14");
  EXPECT_EQ(text("select mask_date_shift(timestamp '2026-01-31 12:34:56.789', 'u1')"), "2025-03-14 12:34:56.789");
  EXPECT_EQ(text("select count(distinct mask_date_shift(d, 'u1') - d) from range(100) r(i), "
                 "lateral (select date '2026-01-01' + i::int as d)"),
            "1");
  EXPECT_EQ(text("select mask_date_shift(null::date, 'u1')"), "NULL");
  EXPECT_NE(text("select mask_date_shift(date '2026-01-31', null)").find("no_entity"), std::string::npos);
  EXPECT_NE(text("select mask_date_shift(date 'infinity', 'u1')").find("out_of_range"), std::string::npos);
  EXPECT_NE(text("select mask_date_shift(timestamp '-infinity', 'u1')").find("out_of_range"), std::string::npos);
}

TEST_F(MaskFunctions, keep_null) {
  for (const mask::MaskKind& kind : mask::mask_kinds()) {
    if (kind.input == mask::MaskInput::date) continue;
    std::string call = std::string(kind.function) + "(v";
    for (std::size_t i = 0; i < kind.required(); ++i) call += kind.parameters[i].number ? ", 2" : ", 'digits'";
    call += ")";
    EXPECT_EQ(text("select count(" + call + ") from (select null::varchar as v)"), "0") << call;
  }
}

TEST_F(MaskFunctions, that_differ_each_time_are_called_for_each_row) {
  for (const char* function : {"mask_seal", "mask_fernet"}) {
    const std::string call = std::string(function) + "('same')";
    EXPECT_EQ(text("select count(distinct " + call + ") from range(3000)"), "3000") << call;
    EXPECT_EQ(text("select " + call + " = " + call), "false");
  }
}

TEST_F(MaskFunctions, mask_an_entry_of_a_dictionary_once_and_only_if_a_row_points_at_it) {
  duckdb::Vector entries(LogicalType::VARCHAR);
  entries.SetValue(0, Value("203.0.113.7"));
  entries.SetValue(1, Value("no address"));
  entries.SetValue(2, Value("203.0.113.8"));
  entries.SetValue(3, Value(LogicalType::VARCHAR));
  constexpr std::size_t count = 100;
  duckdb::SelectionVector rows(count);
  constexpr duckdb::sel_t pattern[] = {0, 2, 3};
  for (std::size_t i = 0; i < count; ++i) rows.set_index(i, pattern[i % 3]);
  duckdb::Vector input(LogicalType::VARCHAR);
  input.Dictionary(entries, 4, rows, count);
  run("mask_siv", {Value("ip")}, input, count, [&](duckdb::Vector& result) {
    ASSERT_EQ(result.GetVectorType(), duckdb::VectorType::FLAT_VECTOR);
    const auto* tokens = duckdb::FlatVector::GetData<duckdb::string_t>(result);
    EXPECT_EQ(tokens[0].GetString(), "k1.sBopnxwIOSb2DvacXELJvJrACcSghOH52jam5aX5P3Y");
    EXPECT_NE(tokens[1].GetString(), tokens[0].GetString());
    EXPECT_TRUE(duckdb::FlatVector::IsNull(result, 2));
    // The same memory: it was made once.
    for (std::size_t i = 0; i < count; i += 3) EXPECT_EQ(tokens[i].GetData(), tokens[0].GetData());
  });
  EXPECT_THROW(
      {
        rows.set_index(7, 1);
        duckdb::Vector refused(LogicalType::VARCHAR);
        refused.Dictionary(entries, 4, rows, count);
        run("mask_siv", {Value("ip")}, refused, count, [](duckdb::Vector&) {});
      },
      duckdb::InvalidInputException);
}

TEST_F(MaskFunctions, mask_a_constant_once) {
  duckdb::Vector input(Value("203.0.113.7"));
  run("mask_siv", {Value("ip")}, input, 2000, [](duckdb::Vector& result) {
    EXPECT_EQ(result.GetVectorType(), duckdb::VectorType::CONSTANT_VECTOR);
    EXPECT_EQ(result.GetValue(1999).ToString(), "k1.sBopnxwIOSb2DvacXELJvJrACcSghOH52jam5aX5P3Y");
  });
  duckdb::Vector null(Value(LogicalType::VARCHAR));
  run("mask_siv", {Value("ip")}, null, 2000, [](duckdb::Vector& result) { EXPECT_TRUE(result.GetValue(7).IsNull()); });
}

TEST(MaskAllFunctions, give_the_tokens_of_each_key_that_may_mask_the_primary_one_first) {
  const auto key = [](const char* id, const char* status, const char* digit) {
    std::string secret;
    for (int i = 0; i < 64; ++i) secret += digit;
    return std::string(R"({"id": ")") + id + R"(", "status": ")" + status +
           R"(", "created": "2026-01-31T12:00:00Z", "secret": ")" + secret + "\"}";
  };
  const auto keyring = mask::Keyring::from_json(R"({"sluice_keyring": 1, "keys": [)" + key("k1", "enabled", "1") + "," +
                                                    key("k2", "primary", "2") + "," + key("k3", "decrypt-only", "3") +
                                                    "," + key("k4", "disabled", "4") + "]}",
                                                "test");
  ASSERT_TRUE(keyring.has_value()) << keyring.error().text();
  duckdb::DuckDB database(nullptr);
  duckdb::Connection connection(database);
  register_functions(connection, &*keyring, 0);
  const auto text = [&](const std::string& sql) {
    auto result = connection.Query(sql);
    return result->HasError() ? "error: " + result->GetError() : result->GetValue(0, 0).ToString();
  };
  for (const std::string function : {"mask_hmac", "mask_siv"}) {
    std::vector<std::string> tokens;
    for (const char* id : {"k2", "k1"}) {
      std::string& token = tokens.emplace_back();
      ASSERT_EQ((*mask::make_mask(**mask::find_mask(function), &*keyring, {"ip"}, id))->mask("203.0.113.7", token),
                nullptr);
    }
    EXPECT_EQ(text("select " + function + "_all('203.0.113.7', 'ip')"), "[" + tokens[0] + ", " + tokens[1] + "]");
    // Over many rows, with NULL among them.
    EXPECT_EQ(
        text("select count(*) from (select case when i % 3 = 0 then null else '10.0.0.' || (i % 200) end as v, " +
             function +
             "_all(v, 'ip') as l from range(5000) r(i)) where (v is null and l is null) or (len(l) = 2 and l[1] = " +
             function + "(v, 'ip') and starts_with(l[2], 'k1.'))"),
        "5000");
    EXPECT_NE(text("select " + function + "_all('no address', 'ip')").find("invalid_ip"), std::string::npos);
  }
  // Of every mask whose tokens tell equal values.
  EXPECT_EQ(text("select len(list_distinct(mask_ip_all('203.0.113.7'))) + "
                 "len(list_distinct(mask_ip_prefix_all('203.0.113.7'))) "
                 "+ len(list_distinct(mask_fpe_all('593-47-5928', 'digits', '-')))"),
            "6");
  EXPECT_EQ(text("select mask_ip_all('203.0.113.7')[1] = mask_ip('203.0.113.7')"), "true");
}

TEST_F(MaskFunctions, tell_the_id_of_their_key_where_there_is_one) {
  EXPECT_EQ(text("select mask_key()"), "k1");
  EXPECT_EQ(text("select count(*) from range(5000) where mask_key() = 'k1'"), "5000");
  duckdb::DuckDB bare(nullptr);
  duckdb::Connection without(bare);
  register_functions(without, nullptr, 0);
  EXPECT_NE(without.Query("select mask_key()")->GetError().find("mask_key needs a keyring"), std::string::npos);
}

TEST_F(MaskFunctions, name_what_is_wrong_with_a_call) {
  const std::pair<const char*, const char*> wrong[] = {
      {"mask_siv('1.2.3.4')", "mask_siv"},
      {"mask_siv('x', 'd', 'adress')", "there is no form 'adress'"},
      {"mask_siv('x', 'd', 'emial')", "did you mean 'email'"},
      {"mask_siv('x', i::varchar)", "the domain must be a constant"},
      {"mask_siv('x', null)", "the domain must not be null"},
      {"mask_siv(17, 'd')", "mask_siv"},
      {"mask_fpe('x', 'digts')", "did you mean 'digits'"},
      {"mask_truncate_ip('1.2.3.4', 32)", "bits is a whole number from 0 to 31"},
      {"mask_date_shift('x', 'u')", "mask_date_shift"},
      {"mask_hmca('x', 'ip')", "mask_hmac"},
      {"mask_ip('999.1.1.1')", "mask_ip: invalid_ip"},
  };
  for (const auto& [call, words] : wrong) {
    const std::string said = text("select " + std::string(call) + " from range(1) r(i)");
    EXPECT_TRUE(said.starts_with("error")) << call << ": " << said;
    EXPECT_NE(said.find(words), std::string::npos) << call << ": " << said;
  }
}

}  // namespace
}  // namespace sluice::engine
