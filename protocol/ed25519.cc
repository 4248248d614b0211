// protocol/ed25519.cc: the answer of client_ed25519, MariaDB's plugin: an Ed25519 signature of the
// nonce whose secret is SHA-512 of a password of any length. OpenSSL signs with 32-byte seeds only,
// so the curve is here, once per login, in plain big numbers (not in constant time: who can measure
// that precisely on this machine can read the configuration).
//
// Source: RFC 8032, chapter 5.1; MariaDB Connector/C, plugins/auth/ed25519.c, ref10/sign.c.
#include <openssl/bn.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/check.h"
#include "protocol/auth.h"

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kKeyBytes = 32;

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;

std::string sha512(std::string_view text) {
  std::string out(64, '\0');
  unsigned size = 0;
  const int done =
      EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                 EVP_sha512(), nullptr);
  CHECK(done == 1 && size == out.size(), "OpenSSL has SHA-512");
  return out;
}

Number number(std::string_view little_endian) {
  return Number(BN_lebin2bn(reinterpret_cast<const unsigned char*>(little_endian.data()),
                            static_cast<int>(little_endian.size()), nullptr));
}

Number decimal(const char* digits) {
  BIGNUM* out = nullptr;
  BN_dec2bn(&out, digits);
  return Number(out);
}

std::string bytes(const BIGNUM* value) {
  std::string out(kKeyBytes, '\0');
  BN_bn2lebinpad(value, reinterpret_cast<unsigned char*>(out.data()), kKeyBytes);
  return out;
}

// -x^2 + y^2 = 1 + d x^2 y^2 modulo 2^255 - 19, in the projective coordinates x = X/Z, y = Y/Z.
class Curve {
 public:
  struct Point {
    Number x, y, z;
  };

  // base * scalar, in wire form: y with the lowest bit of x on top.
  std::string base_times(const BIGNUM* scalar) const {
    Point sum{decimal("0"), decimal("1"), decimal("1")};
    const Point base{
        decimal("15112221349535400772501151409588531511454012693041857206046113283949847762202"),
        decimal("46316835694926478169428394003475163141307993866256225615783033603165251855960"),
        decimal("1")};
    for (int bit = BN_num_bits(scalar) - 1; bit >= 0; --bit) {
      sum = add(sum, sum);
      if (BN_is_bit_set(scalar, bit) == 1) sum = add(sum, base);
    }
    const Number inverse(BN_mod_inverse(nullptr, sum.z.get(), prime_.get(), work_.get()));
    const Number x = times(sum.x, inverse);
    std::string out = bytes(times(sum.y, inverse).get());
    if (BN_is_odd(x.get()) == 1) out.back() = static_cast<char>(out.back() | '\x80');
    return out;
  }

  // (a + b * c) modulo the order of the base.
  Number sum_of(const Number& a, const Number& b, const Number& c) const {
    Number out(BN_new());
    BN_mod_mul(out.get(), b.get(), c.get(), order_.get(), work_.get());
    BN_mod_add(out.get(), out.get(), a.get(), order_.get(), work_.get());
    return out;
  }
  Number reduced(const Number& a) const {
    Number out(BN_new());
    BN_nnmod(out.get(), a.get(), order_.get(), work_.get());
    return out;
  }

 private:
  Number times(const Number& a, const Number& b) const {
    Number out(BN_new());
    BN_mod_mul(out.get(), a.get(), b.get(), prime_.get(), work_.get());
    return out;
  }
  Number plus(const Number& a, const Number& b) const {
    Number out(BN_new());
    BN_mod_add(out.get(), a.get(), b.get(), prime_.get(), work_.get());
    return out;
  }
  Number minus(const Number& a, const Number& b) const {
    Number out(BN_new());
    BN_mod_sub(out.get(), a.get(), b.get(), prime_.get(), work_.get());
    return out;
  }

  // Complete on this curve: doubling, and the neutral point, need no case of their own.
  Point add(const Point& p, const Point& q) const {
    const Number a = times(p.z, q.z);
    const Number b = times(a, a);
    const Number c = times(p.x, q.x);
    const Number d = times(p.y, q.y);
    const Number e = times(times(d_, c), d);
    const Number f = minus(b, e);
    const Number g = plus(b, e);
    const Number cross = minus(minus(times(plus(p.x, p.y), plus(q.x, q.y)), c), d);
    return {times(times(a, f), cross), times(times(a, g), plus(d, c)), times(f, g)};
  }

  struct FreeWork {
    void operator()(BN_CTX* work) const { BN_CTX_free(work); }
  };
  const std::unique_ptr<BN_CTX, FreeWork> work_{BN_CTX_new()};
  const Number prime_ =
      decimal("57896044618658097711785492504343953926634992332820282019728792003956564819949");
  const Number order_ =
      decimal("7237005577332262213973186563042994240857116359379907606001950938285454250989");
  const Number d_ =
      decimal("37095705934669439343138083508754565189542113879843219016388785533085940283555");
};

}  // namespace

std::string ed25519_answer(std::string_view password, std::string_view nonce) {
  const std::string secret = sha512(password);
  std::string low = secret.substr(0, kKeyBytes);
  low.front() = static_cast<char>(low.front() & '\xf8');
  low.back() = static_cast<char>((low.back() & '\x3f') | '\x40');
  const Curve curve;
  const Number a = number(low);
  const std::string public_key = curve.base_times(a.get());
  const Number r = curve.reduced(number(sha512(secret.substr(kKeyBytes) + std::string(nonce))));
  const std::string point = curve.base_times(r.get());
  const Number k = number(sha512(point + public_key + std::string(nonce)));
  return point + bytes(curve.sum_of(r, k, a).get());
}

}  // namespace tiderelay::protocol
