#include "sluice/mask/aes_blocks.hpp"

#include <openssl/crypto.h>

#include <cassert>
#include <cstring>
#include <limits>

#include "sluice/mask/must.hpp"

#ifdef __x86_64__
#include <immintrin.h>
// For these functions alone, behind a look at the processor: compiling everything with -march would mix AVX into
// OpenSSL's SSE code paths around it, and make a binary that dies on older machines.
#define SLUICE_AES __attribute__((target("aes,sse2")))
#endif

namespace sluice::mask {
namespace {

constexpr const char* failing = "AES";

const char* cipher_name(std::size_t key_bytes) {
  return key_bytes == 16 ? "AES-128-ECB" : key_bytes == 24 ? "AES-192-ECB" : "AES-256-ECB";
}

void through(EVP_CIPHER_CTX* context, const std::uint8_t* in, std::uint8_t* out, std::size_t blocks) {
  const std::size_t size = blocks * AesBlocks::block_size;
  assert(size <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  int written = 0;
  must(EVP_CipherUpdate(context, out, &written, in, static_cast<int>(size)) == 1, failing);
}

#ifdef SLUICE_AES

__m128i* at(std::uint8_t* bytes) { return reinterpret_cast<__m128i*>(bytes); }
const __m128i* at(const std::uint8_t* bytes) { return reinterpret_cast<const __m128i*>(bytes); }

// FIPS 197, 5.2. The S-box is that of the instruction, so no table look-up depends on the key.
SLUICE_AES void expand(std::span<const std::uint8_t> key, unsigned rounds, std::uint8_t* encrypting,
                       std::uint8_t* decrypting) {
  const std::size_t key_words = key.size() / 4;
  const std::size_t words = 4 * (std::size_t{rounds} + 1);
  std::uint32_t schedule[60];
  std::memcpy(schedule, key.data(), key.size());
  std::uint32_t round_constant = 1;
  for (std::size_t i = key_words; i < words; ++i) {
    std::uint32_t word = schedule[i - 1];
    // Its lanes: the word through the S-box, and the same turned by a byte.
    const __m128i lanes = _mm_aeskeygenassist_si128(_mm_set1_epi32(static_cast<int>(word)), 0);
    if (i % key_words == 0) {
      word = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_srli_si128(lanes, 4))) ^ round_constant;
      round_constant = round_constant << 1U ^ ((round_constant >> 7U) * 0x11bU);
    } else if (key_words > 6 && i % key_words == 4) {
      word = static_cast<std::uint32_t>(_mm_cvtsi128_si32(lanes));
    }
    schedule[i] = schedule[i - key_words] ^ word;
  }
  std::memcpy(encrypting, schedule, words * 4);
  OPENSSL_cleanse(schedule, sizeof schedule);
  for (unsigned i = 0; i <= rounds; ++i) {
    const __m128i round_key = _mm_load_si128(at(encrypting) + (rounds - i));
    _mm_store_si128(at(decrypting) + i, i == 0 || i == rounds ? round_key : _mm_aesimc_si128(round_key));
  }
}

// `n` blocks side by side: one waits some cycles for each round, several share the wait.
template <unsigned n, bool encrypts>
SLUICE_AES inline void run(const std::uint8_t* keys, unsigned rounds, const std::uint8_t* in, std::uint8_t* out) {
  __m128i state[n];
  const __m128i first = _mm_load_si128(at(keys));
  for (unsigned i = 0; i < n; ++i) state[i] = _mm_xor_si128(_mm_loadu_si128(at(in) + i), first);
  for (unsigned round = 1; round < rounds; ++round) {
    const __m128i key = _mm_load_si128(at(keys) + round);
    for (unsigned i = 0; i < n; ++i)
      state[i] = encrypts ? _mm_aesenc_si128(state[i], key) : _mm_aesdec_si128(state[i], key);
  }
  const __m128i last = _mm_load_si128(at(keys) + rounds);
  for (unsigned i = 0; i < n; ++i) {
    state[i] = encrypts ? _mm_aesenclast_si128(state[i], last) : _mm_aesdeclast_si128(state[i], last);
    _mm_storeu_si128(at(out) + i, state[i]);
  }
}

template <bool encrypts>
SLUICE_AES void run_all(const std::uint8_t* keys, unsigned rounds, const std::uint8_t* in, std::uint8_t* out,
                        std::size_t blocks) {
  if (blocks == 1) return run<1, encrypts>(keys, rounds, in, out);
  constexpr std::size_t wide = 8;
  for (; blocks >= wide; blocks -= wide, in += wide * 16, out += wide * 16) run<wide, encrypts>(keys, rounds, in, out);
  for (; blocks >= 2; blocks -= 2, in += 32, out += 32) run<2, encrypts>(keys, rounds, in, out);
  if (blocks == 1) run<1, encrypts>(keys, rounds, in, out);
}

#endif

}  // namespace

bool has_aes_instructions() {
#ifdef SLUICE_AES
  static const bool has = __builtin_cpu_supports("aes") != 0;
  return has;
#else
  return false;
#endif
}

AesBlocks::Context AesBlocks::open(std::span<const std::uint8_t> key, bool encrypts) {
  Context context(EVP_CIPHER_CTX_new());
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, cipher_name(key.size()), nullptr);
  must(context != nullptr && cipher != nullptr, failing);
  must(EVP_CipherInit_ex2(context.get(), cipher, key.data(), nullptr, encrypts ? 1 : 0, nullptr) == 1, failing);
  EVP_CIPHER_free(cipher);  // the context holds its own share
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  return context;
}

AesBlocks::AesBlocks(std::span<const std::uint8_t> key, bool instructions) {
  must(takes_key_of(key.size()), "AES with a key of that length");
#ifdef SLUICE_AES
  if (instructions && has_aes_instructions()) {
    rounds_ = static_cast<unsigned>(key.size() / 4 + 6);
    expand(key, rounds_, encrypting_, decrypting_);
    return;
  }
#else
  static_cast<void>(instructions);
#endif
  encrypter_ = open(key, true);
  decrypter_ = open(key, false);
}

AesBlocks::~AesBlocks() {
  OPENSSL_cleanse(encrypting_, sizeof encrypting_);
  OPENSSL_cleanse(decrypting_, sizeof decrypting_);
}

void AesBlocks::encrypt(const std::uint8_t* in, std::uint8_t* out, std::size_t blocks) {
#ifdef SLUICE_AES
  if (rounds_ != 0) return run_all<true>(encrypting_, rounds_, in, out, blocks);
#endif
  through(encrypter_.get(), in, out, blocks);
}

void AesBlocks::decrypt(const std::uint8_t* in, std::uint8_t* out, std::size_t blocks) {
#ifdef SLUICE_AES
  if (rounds_ != 0) return run_all<false>(decrypting_, rounds_, in, out, blocks);
#endif
  through(decrypter_.get(), in, out, blocks);
}

}  // namespace sluice::mask
