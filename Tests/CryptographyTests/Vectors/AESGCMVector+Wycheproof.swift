extension AESGCMVector {
  /// Messages of many lengths, and special values of the hash; named by `tcId`.
  ///
  /// Source: Project Wycheproof, `testvectors_v1/aes_gcm_test.json`, nonces of 96 bits.
  static let wycheproof = AESGCMVector.read(
    """
    91 valid
    key 92ace3e348cd821092cd921aa3546374299ab46209691bc28b8752d17f123c20
    nonce 00112233445566778899aabb
    data 00000000ffffffff
    message 00010203040506070809
    ciphertext e27abdd2d2a53d2f136b
    tag 9a4a2579529301bcfb71c78d4060f52c
    92 valid
    key 29d3a44f8723dc640239100c365423a312934ac80239212ac3df3421a2098123
    nonce 00112233445566778899aabb
    data aabbccddeeff
    message
    ciphertext
    tag 2a7d77fa526b8250cb296078926b5020
    93 valid
    key 80ba3192c803ce965ea371d5ff073cf0f43b6a2ab576b208426e11409c09b9b0
    nonce 4da5bf8dfd5852c1ea12379d
    data
    message
    ciphertext
    tag 4771a7c404a472966cea8f73c8bfe17a
    94 valid
    key cc56b680552eb75008f5484b4cb803fa5063ebd6eab91f6ab6aef4916a766273
    nonce 99e23ec48985bccdeeab60f1
    data
    message 2a
    ciphertext 06
    tag 633c1e9703ef744ffffb40edf9d14355
    96 valid
    key 67119627bd988eda906219e08c0d0d779a07d208ce8a4fe0709af755eeec6dcb
    nonce 68ab7fdbf61901dad461d23c
    data
    message 51f8c1f731ea14acdb210a6d973e07
    ciphertext 43fc101bff4b32bfadd3daf57a590e
    tag ec04aacb7148a8b8be44cb7eaf4efa69
    97 valid
    key 59d4eafb4de0cfc7d3db99a8f54b15d7b39f0acc8da69763b019c1699f87674a
    nonce 2fcb1b38a99e71b84740ad9b
    data
    message 549b365af913f3b081131ccb6b825588
    ciphertext f58c16690122d75356907fd96b570fca
    tag 28752c20153092818faba2a334640d6e
    98 valid
    key 3b2458d8176e1621c0cc24c0c0e24c1e80d72f7ee9149a4b166176629616d011
    nonce 45aaa3e5d16d2d42dc03445d
    data
    message 3ff1514b1c503915918f0c0c31094a6e1f
    ciphertext 73a6b6f45f6ccc5131e07f2caa1f2e2f56
    tag 2d7379ec1db5952d4e95d30c340b1b1d
    105 valid
    key 5b1d1035c0b17ee0b0444767f80a25b8c1b741f4b50a4d3052226baa1c6fb701
    nonce d61040a313ed492823cc065b
    data
    message d096803181beef9e008ff85d5ddc38ddacf0f09ee5f7e07f1e4079cb64d0dc8f5e6711cd4921a7887de7
      6e2678fdc67618f1185586bfea9d4c685d50e4bb9a82
    ciphertext c7d191b601f86c28b6a1bdef6a57b4f6ee3ae417bc125c381cdf1c4dac184ed1d84f1196206d62cad112
      b038845720e02c061179a8836f02b93fa7008379a6bf
    tag f15612f6c40f2e0db6dc76fc4822fcfe
    106 valid
    key 81b6b27e5ed90ab99fe6756d4cb41e3f07269687f5afabdb426e29096b5e4466
    nonce 13e727486031cca21f733375
    data
    message 9a95a23cfb1e35d89a7597570df0fb0efcbb7429f53bebcbbfa49fa247b251a8508ad497066855d08688
      576188e4ffb12d1d084dcabec3d57806daf215dcc97edd
    ciphertext 7ede7368bca3c93d9f1d7f7750d6e44b1cb92c30e3c9834b0b69efd2470911644ae6f6d75715e13aea87
      81f8da611a13ac6364c406c1a715b7e97acb22b6e6156e
    tag 74e20a93802f43407c8989a37f013802
    109 valid
    key 7f7c5804a680f61924966725dba2a80d85267c2e03c7c234b045b24ec8e23528
    nonce 2d9bf8b636f337d265b0904c
    data
    message e2f85fb176840c38345da0f0f8db6cdbc45a123165f244ff5389fe65bf341fa131130751b5c739a9931d
      5a57b141dc7b5b0c5a2ca07331c2dc04b2657b0289878dea0ef7d5601465b78a65795f0f3181304e58a2
      61feb1d394f3c33cabae189941755d7654bb7bef08c31bd2c5ce1203eebc015ae040da2a851c2ba3c62e
      699356
    ciphertext d7380d10b22c3ae584531e9e4ee73d387f69dbbb3d3d9fdb4971ed2750b31913f79e4c00cf1b76933bbb
      75d39d8a6429a2528e9bd60e65fa6ffff9e01a8758e7b58409fa3f370cc32a63aa60a54c36d733e8f6df
      ccd5c3120d05c6e33140c00562865532b2c689de98769d3386e7a3ae679e404e062536ca046261211a42
      6fb586
    tag 753f6c57c0cc2a075e68d082f6e83590
    111 valid
    key dc4dbf811f9509e33a45a8a0743e9391de333f69c56ee4f0fe90ce21c238ee59
    nonce 1859d3ba4710cdd300baa029
    data
    message df91c48591f4cae8c4d659d024dfd0a3535981487764bf19b012713e6ac6d578aa0b3a51d7ac97cd503f
      dc8682cabdb6a5256e9890458356f39b9749f6ab158112fbe4f91acd333477998b9f0d7cc0be2d40acfa
      5103adc1b0d0a5cc94733d703e0d8c26e09e9d079fa6a65cf35240a16280826ab7c0d8ac5882c89e5844
      4233c2f60aaae0cbd1a7ed850065242a9378c340232fd86f1fd52a92c960a9a86f529f431acf3aa94133
      785803f4ac1a22378332daa22dea3d34d2fdb7c308fa44ab93b3fb02f428be22fad6c0b10c138af97b92
      a199296dd947c93fbc40674c34c5623d26d9c90dc6b3357018b9f9250fb4dd5c11518191a236745a2bd4
      2f863766
    ciphertext 9c511d08f244cb6971a39b70639c4a53ae48254fcb3d2eea4796ecc996f1fe26a8e30932258a48fe4237
      e5bfb0e1320dc591256dc83cd56dbf5d9b377b7805b7fac0497b2f99e3310e9e2cc8009141a82f26f8a0
      2299d64138bb1fe8a1243df3e9fb37b52bd3c2cc19f543b3f4928e5a73730a7a6e6d75919d117d3dfe10
      e863a9846b2ca260de5dddba7ceac37019e615b89a2ab94df8d1a790749998cb8531fef1ef5f8a28a8ad
      60e813f7e78412ca4d95b9604a24a16e4a3ca8ee33bfbb7809048014943e5fd7966a7db214e052d1cc54
      6a6da72ec89d1c3398aefdcb881dfc3d800b7323abcd7583e9c8a31f03b6995d4aeac17c5a56d8af492a
      2b108fe3
    tag 17090ce50e35244a59bafc80eba5dae5
    128 valid
    key 00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f
    nonce 000000000000000000000000
    data
    message 561008fa07a68f5c61285cd013464eaf
    ciphertext 23293e9b07ca7d1b0cae7cc489a973b3
    tag ffffffffffffffffffffffffffffffff
    129 valid
    key 00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f
    nonce ffffffffffffffffffffffff
    data
    message c6152244cea1978d3e0bc274cf8c0b3b
    ciphertext 7cb6fc7c6abc009efe9551a99f36a421
    tag 00000000000000000000000000000000
    """
  )

  /// One message whose tag was modified in every way, each with its `tcId`.
  ///
  /// Source: as above.
  static let wycheproofModifiedTags: [AESGCMVector] = modifiedTags.map { number, tag in
    AESGCMVector(
      name: "\(number)",
      isValid: false,
      parts: [
        "key": Array(0x00...0x1f), "nonce": Array(0x50...0x5b), "data": [],
        "message": Array(0x20...0x2f), "ciphertext": hex("b2061457c0759fc1749f174ee1ccadfa"),
        "tag": hex(tag),
      ]
    )
  }

  private static let modifiedTags: [(Int, String)] = [
    (130, "9de8fef6d8ab1bf1bf887232eab590dd"),  // Flipped bit 0 in tag
    (131, "9ee8fef6d8ab1bf1bf887232eab590dd"),  // Flipped bit 1 in tag
    (132, "1ce8fef6d8ab1bf1bf887232eab590dd"),  // Flipped bit 7 in tag
    (133, "9ce9fef6d8ab1bf1bf887232eab590dd"),  // Flipped bit 8 in tag
    (134, "9ce8fe76d8ab1bf1bf887232eab590dd"),  // Flipped bit 31 in tag
    (135, "9ce8fef6d9ab1bf1bf887232eab590dd"),  // Flipped bit 32 in tag
    (136, "9ce8fef6daab1bf1bf887232eab590dd"),  // Flipped bit 33 in tag
    (137, "9ce8fef6d8ab1b71bf887232eab590dd"),  // Flipped bit 63 in tag
    (138, "9ce8fef6d8ab1bf1be887232eab590dd"),  // Flipped bit 64 in tag
    (139, "9ce8fef6d8ab1bf13f887232eab590dd"),  // Flipped bit 71 in tag
    (140, "9ce8fef6d8ab1bf1bfa87232eab590dd"),  // Flipped bit 77 in tag
    (141, "9ce8fef6d8ab1bf1bf887332eab590dd"),  // Flipped bit 80 in tag
    (142, "9ce8fef6d8ab1bf1bf887232ebb590dd"),  // Flipped bit 96 in tag
    (143, "9ce8fef6d8ab1bf1bf887232e8b590dd"),  // Flipped bit 97 in tag
    (144, "9ce8fef6d8ab1bf1bf8872326ab590dd"),  // Flipped bit 103 in tag
    (145, "9ce8fef6d8ab1bf1bf887232eab590dc"),  // Flipped bit 120 in tag
    (146, "9ce8fef6d8ab1bf1bf887232eab590df"),  // Flipped bit 121 in tag
    (147, "9ce8fef6d8ab1bf1bf887232eab5909d"),  // Flipped bit 126 in tag
    (148, "9ce8fef6d8ab1bf1bf887232eab5905d"),  // Flipped bit 127 in tag
    (149, "9de8fef6d8ab1bf1be887232eab590dd"),  // Flipped bits 0 and 64 in tag
    (150, "9ce8fe76d8ab1b71bf887232eab590dd"),  // Flipped bits 31 and 63 in tag
    (151, "9ce8fef6d8ab1b71bf887232eab5905d"),  // Flipped bits 63 and 127 in tag
    (152, "631701092754e40e40778dcd154a6f22"),  // all bits of tag flipped
    (153, "00000000000000000000000000000000"),  // Tag changed to all zero
    (154, "ffffffffffffffffffffffffffffffff"),  // tag changed to all 1
    (155, "1c687e76582b9b713f08f2b26a35105d"),  // msbs changed in tag
    (156, "9de9fff7d9aa1af0be897333ebb491dc"),  // lsbs changed in tag
  ]

  /// Right by the standard, or refused by it for an empty nonce, but with nonces of other lengths than 96 bits.
  ///
  /// Source: as above, nonces of other lengths.
  static let wycheproofOtherNonces = AESGCMVector.read(
    """
    240 valid
    key 00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f
    nonce 5c2ea9b695fcf6e264b96074d6bfa572
    data
    message 00000000000000000000000000000000000000000000000000000000000000000000000000000000
    ciphertext 28e1c5232f4ee8161dbe4c036309e0b3254e9212bef0a93431ce5e5604c8f6a73c18a3183018b770
    tag d5808a1bd11a01129bf3c6919aff2339
    241 valid
    key 00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f
    nonce 57b3a81f2c36b6b06577ca0fbab8fa8e
    data
    message 00000000000000000000000000000000000000000000000000000000000000000000000000000000
    ciphertext cceebeb4fe4cd90c514e52d2327a2ecd75393661006cf2476d8620149aef3d1cdce491fff3e7a7a3
    tag 8132e865b69d64ef37db261f80cbbe24
    252 valid
    key 00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f
    nonce 00000000000000000000000000000000
    data
    message 8d74f1c97243d362577ff376c393d2dc
    ciphertext 265c42e2b96ea1de9c24f7182e337390
    tag 00000000000000000000000000000000
    253 valid
    key 00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f
    nonce ffffffffffffffffffffffffffffffff
    data
    message 884df0e76f3ce227bf9595d103825a46
    ciphertext 988f47668ea650cbaa6714711abe268d
    tag ffffffffffffffffffffffffffffffff
    254 valid
    key b4cd11db0b3e0b9b34eafd9fe027746976379155e76116afde1b96d21298e34f
    nonce 00c49f4ebb07393f07ebc3825f7b0830
    data
    message
    ciphertext
    tag 306fe8c9645cc849823e333a685b90b2
    255 valid
    key b7797eb0c1a6089ad5452d81fdb14828c040ddc4589c32b565aad8cb4de3e4a0
    nonce 0ad570d8863918fe89124e09d125a271
    data
    message ed
    ciphertext 3f
    tag fd8f593b83314e33c5a72efbeb7095e8
    263 valid
    key e98b0669a645eb14cd06df6968fc5f10edc9f54feed264e3d410cdc61b72ef51
    nonce 17ca250fb733877556263223eadde1
    data
    message f384b3ed7b274641f5db60cf
    ciphertext fc213602aa423b87d7c2a874
    tag 36b15bab6923b17218fe1c24048e2391
    264 valid
    key 849b3e6b8cdd85bdcfb8eb701aa5522ae2340fbe5214e389622cef76979225c4
    nonce 0f9d6ed7eef362dfa4a7dfa5c0f74c5b27bd4ebf
    data
    message 8c5564e53051c0de273199b4
    ciphertext c1d76233e8c5042e92bf8d32
    tag 7cf036d235d3b2dd349a8c804b65144a
    273 valid
    key ee4171917d2337496812a2784d6a71300e6b8c1ac3b1ef58cee77c229aeaf2c5
    nonce e826a79361f9d582b64450e3edc82589487853d5b22feaa0c889875bd0d87cd4
    data
    message 94d2f8697facaaa191ba617a
    ciphertext a295c2cb27ce23d26874ade1
    tag 04650a78bbb61db337c9c32aa3e7b6fa
    299 valid
    key 8f9a38c1014966e4d9ae736139c5e79b99345874f42d4c7d2c81aa6797c417c0
    nonce a9
    data
    message
    ciphertext
    tag 2a268bf3a75fd7b00ba230b904bbb014
    300 valid
    key 144cd8279229e8bb2de99d24e615306663913fe9177fcd270fafec493d43bca1
    nonce b3
    data
    message 976229f5538f9636476d69f0c328e29d
    ciphertext 7bea30ecc2f73f8e121263b37966954c
    tag 8bbad4adc54b37a2b2f0f6e8617548c9
    301 valid
    key 7d31861f9d3536e14016a3216b1042e0d2f7d4614314268b6f834ec7f38bbb65
    nonce c332
    data
    message
    ciphertext
    tag 1d978a693120c11f6d51a3ed88cd4ace
    302 valid
    key 22b35fe9623ee11f8b60b6d22db3765b666ed972fa7ccd92b45f22deee02cab1
    nonce da6c
    data
    message 5341c78e4ce5bf8fbc3e077d1990dd5d
    ciphertext 9c39f5b110361e9a770cc5e8b0f444bb
    tag b63ff43c12073ec5572b1be70f17e231
    303 valid
    key c224e0bba3d7a99165f7996b67a0fce3e12f2c01179b197b69b7e628bca92096
    nonce 6b30145e
    data
    message
    ciphertext
    tag ae6f7c9a29f0d8204ca50b14a1e0dcf2
    304 valid
    key 093eb12343537ee8e91c1f715b862603f8daf9d4e1d7d67212a9d68e5aac9358
    nonce 5110604c
    data
    message 33efb58c91e8c70271870ec00fe2e202
    ciphertext f73f72f976a296ba3ca94bc6eb08cd46
    tag b824c33c13f289429659aa017c632f71
    305 valid
    key 98e6f8ab673e804e865e32403a6551bf807a959343c60d34559360bc295ecb5b
    nonce d4d857510888
    data
    message
    ciphertext
    tag 3db16725fafc828d414ab61c16a6c38f
    306 valid
    key 0bd0e8e7781166e1d876dec8fad34ba95b032a27cac0551595116091005947b7
    nonce 1bdcd44b663e
    data
    message 91222263b12cf5616a049cbe29ab9b5b
    ciphertext ed463f4f43336af3f4d7e08770201145
    tag c8fc39906aca0c64e14a43ff750abd8a
    307 valid
    key 61ba694897925d1b4174d40401469c3ef267cdb9f829edb1a10618c16d666059
    nonce 0d10c5c84b88d688
    data
    message
    ciphertext
    tag 1311f9f830d729c189b74ec4f9080fa1
    308 valid
    key 115884f693b155563e9bfb3b07cacb2f7f7caa9bfe51f89e23feb5a9468bfdd0
    nonce 04102199ef21e1df
    data
    message 82e3e604d2be8fcab74f638d1e70f24c
    ciphertext 7e0dd6c72aec49f89cc6a80060c0b170
    tag af68a37cfefecc4ab99ba50a5353edca
    309 valid
    key 44ab204d150adb17f83d1e5205b6e1419673fadee610fb9a38185a96741021eb
    nonce ff3914982be30b3b2112
    data
    message
    ciphertext
    tag f187b281c9fbb24cca241227d0b5d164
    310 valid
    key d3b44b8dfc3530404a63b3ca04cc71cfc71a5538448b2625c981856cb7daed0f
    nonce 7c3c42fa17347e1df797
    data
    message 1d1775579656f7f6c6891401d733e2ab
    ciphertext 684a6f58762e591733e9e7fe7f5722a2
    tag 1ce163444dc3754c39d556cc3994b7da
    315 invalid
    key 3f8ca47b9a940582644e8ecf9c2d44e8138377a8379c5c11aafe7fec19856cf1
    nonce
    data
    message
    ciphertext
    tag 1726aa695fbaa21a1db88455c670a4b0
    316 invalid
    key 7660d10966c6503903a552dde2a809ede9da490e5e5cc3e349da999671809883
    nonce
    data
    message c314235341debfafa1526bb61044a7f1
    ciphertext 7772ea358901f571d3d35c19497639d9
    tag 8fe0520ad744a11f0ccfd228454363fa
    """
  )
}
