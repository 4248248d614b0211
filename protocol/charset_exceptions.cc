// protocol/charset_exceptions.cc: where MySQL's multi-byte character sets differ from the ICU
// converter that is nearest to them.
//
// Each run begins at one code (two bytes, or three with 0x8f) and goes on with the codes after it.
// Found by converting every code on MySQL 8.0.31.
#include "protocol/charset_tables.h"

namespace tiderelay::protocol {
namespace {

constexpr CodeRun kBig5[] = {
    {0xa145, u"\u2022"},
    {0xa14e, u"\uFF64"},
    {0xa15a, u"\uFFFD"},
    {0xa1c2, u"\u203E\uFFFD"},
    {0xa1c5, u"\uFFFD"},
    {0xa1e3, u"\u223C"},
    {0xa1f2, u"\u2641\u2609"},
    {0xa1fe, u"\uFFFD"},
    {0xa240, u"\uFFFD\uFF0F\uFF3C"},
    {0xa244, u"\u00A5"},
    {0xa246, u"\u00A2\u00A3"},
    {0xa2cc, u"\uFFFD"},
    {0xa2ce, u"\uFFFD"},
    {0xc6a1, u"\u30FE\u309D\u309E\u3005\u3041\u3042\u3043\u3044\u3045\u3046\u3047\u3048"},
    {0xc6ad, u"\u3049\u304A\u304B\u304C\u304D\u304E\u304F\u3050\u3051\u3052\u3053\u3054"},
    {0xc6b9, u"\u3055\u3056\u3057\u3058\u3059\u305A\u305B\u305C\u305D\u305E\u305F\u3060"},
    {0xc6c5, u"\u3061\u3062\u3063\u3064\u3065\u3066\u3067\u3068\u3069\u306A\u306B\u306C"},
    {0xc6d1, u"\u306D\u306E\u306F\u3070\u3071\u3072\u3073\u3074\u3075\u3076\u3077\u3078"},
    {0xc6dd, u"\u3079\u307A\u307B\u307C\u307D\u307E\u307F\u3080\u3081\u3082\u3083\u3084"},
    {0xc6e9, u"\u3085\u3086\u3087\u3088\u3089\u308A\u308B\u308C\u308D\u308E\u308F\u3090"},
    {0xc6f5, u"\u3091\u3092\u3093\u30A1\u30A2\u30A3\u30A4\u30A5\u30A6\u30A7"},
    {0xc740, u"\u30A8\u30A9\u30AA\u30AB\u30AC\u30AD\u30AE\u30AF\u30B0\u30B1\u30B2\u30B3"},
    {0xc74c, u"\u30B4\u30B5\u30B6\u30B7\u30B8\u30B9\u30BA\u30BB\u30BC\u30BD\u30BE\u30BF"},
    {0xc758, u"\u30C0\u30C1\u30C2\u30C3\u30C4\u30C5\u30C6\u30C7\u30C8\u30C9\u30CA\u30CB"},
    {0xc764, u"\u30CC\u30CD\u30CE\u30CF\u30D0\u30D1\u30D2\u30D3\u30D4\u30D5\u30D6\u30D7"},
    {0xc770, u"\u30D8\u30D9\u30DA\u30DB\u30DC\u30DD\u30DE\u30DF\u30E0\u30E1\u30E2\u30E3"},
    {0xc77c, u"\u30E4\u30E5\u30E6"},
    {0xc7a1, u"\u30E7\u30E8\u30E9\u30EA\u30EB\u30EC\u30ED\u30EE\u30EF\u30F0\u30F1\u30F2"},
    {0xc7ad, u"\u30F3\u30F4\u30F5\u30F6\u0414\u0415\u0401\u0416\u0417\u0418\u0419\u041A"},
    {0xc7b9, u"\u041B\u041C\u0423\u0424\u0425\u0426\u0427\u0428\u0429\u042A\u042B\u042C"},
    {0xc7c5, u"\u042D\u042E\u042F\u0430\u0431\u0432\u0433\u0434\u0435\u0451\u0436\u0437"},
    {0xc7d1, u"\u0438\u0439\u043A\u043B\u043C\u043D\u043E\u043F\u0440\u0441\u0442\u0443"},
    {0xc7dd, u"\u0444\u0445\u0446\u0447\u0448\u0449\u044A\u044B\u044C\u044D\u044E\u044F"},
    {0xc7e9, u"\u2460\u2461\u2462\u2463\u2464\u2465\u2466\u2467\u2468\u2469\u2474\u2475"},
    {0xc7f5, u"\u2476\u2477\u2478\u2479\u247A\u247B\u247C\u247D"},
};

constexpr CodeRun kEucjpms[] = {
    {0xa1bd, u"\u2015"},
    {0xa1c1, u"\uFF5E\u2225"},
    {0xa1dd, u"\uFF0D"},
    {0xada1, u"\u2460\u2461\u2462\u2463\u2464\u2465\u2466\u2467\u2468\u2469\u246A\u246B"},
    {0xadad, u"\u246C\u246D\u246E\u246F\u2470\u2471\u2472\u2473\u2160\u2161\u2162\u2163"},
    {0xadb9, u"\u2164\u2165\u2166\u2167\u2168\u2169"},
    {0xadc0, u"\u3349\u3314\u3322\u334D\u3318\u3327\u3303\u3336\u3351\u3357\u330D\u3326"},
    {0xadcc, u"\u3323\u332B\u334A\u333B\u339C\u339D\u339E\u338E\u338F\u33C4\u33A1"},
    {0xaddf, u"\u337B\u301D\u301F\u2116\u33CD\u2121\u32A4\u32A5\u32A6\u32A7\u32A8\u3231"},
    {0xadeb, u"\u3232\u3239\u337E\u337D\u337C\u2252\u2261\u222B\u222E\u2211\u221A\u22A5"},
    {0xadf7, u"\u2220\u221F\u22BF\u2235\u2229\u222A"},
    {0x8fa2c3, u"\uFFE4"},
    {0x8ff3f3, u"\u2170\u2171\u2172\u2173\u2174\u2175\u2176\u2177\u2178\u2179\u2160\u2161"},
    {0x8ff4a1, u"\u2162\u2163\u2164\u2165\u2166\u2167\u2168\u2169\uFF07\uFF02\u3231\u2116"},
    {0x8ff4ad, u"\u2121\u70BB\u4EFC\u50F4\u51EC\u5307\u5324\uFA0E\u548A\u5759\uFA0F\uFA10"},
    {0x8ff4b9, u"\u589E\u5BEC\u5CF5\u5D53\uFA11\u5FB7\u6085\u6120\u654E\u663B\u6665\uFA12"},
    {0x8ff4c5, u"\uF929\u6801\uFA13\uFA14\u6A6B\u6AE2\u6DF8\u6DF2\u7028\uFA15\uFA16\u7501"},
    {0x8ff4d1, u"\u7682\u769E\uFA17\u7930\uFA18\uFA19\uFA1A\uFA1B\u7AE7\uFA1C\uFA1D\u7DA0"},
    {0x8ff4dd, u"\u7DD6\uFA1E\u8362\uFA1F\u85B0\uFA20\uFA21\u8807\uFA22\u8B7F\u8CF4\u8D76"},
    {0x8ff4e9, u"\uFA23\uFA24\uFA25\u90DE\uFA26\u9115\uFA27\uFA28\u9592\uF9DC\uFA29\u973B"},
    {0x8ff4f5, u"\u974D\u9751\uFA2A\uFA2B\uFA2C\u999E\u9AD9\u9B72\uFA2D\u9ED1"},
};

constexpr CodeRun kUjis[] = {
    {0xa1bd, u"\u2015"}, {0xa1c0, u"\\"},  {0xa1f1, u"\u00A2\u00A3"},
    {0xa2cc, u"\u00AC"}, {0x8fa2b7, u"~"},
};

constexpr CodeRun kGb2312[] = {
    {0xa3a7, u"\uFF07"},
};

constexpr CodeRun kSjis[] = {
    {0x815c, u"\u2015"},
    {0x815f, u"\\"},
    {0x8191, u"\u00A2\u00A3"},
    {0x81ca, u"\u00AC"},
};

constexpr MultiByteCharset kCharsets[] = {
    {"big5", "Big5", kBig5},
    {"cp932", "windows-932", {}},
    {"eucjpms", "ibm-954_P101-2007", kEucjpms},
    {"euckr", "windows-949-2000", {}},
    {"gb2312", "ibm-1383_P110-1999", kGb2312},
    {"gbk", "windows-936-2000", {}},
    {"sjis", "ibm-943_P130-1999", kSjis},
    {"ujis", "ibm-954_P101-2007", kUjis},
};

}  // namespace

std::span<const MultiByteCharset> multi_byte_charsets() { return kCharsets; }

}  // namespace tiderelay::protocol
