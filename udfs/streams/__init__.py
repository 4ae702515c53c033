"""The bytes of files, in streams: opened, unpacked, cut into lines or JSON values, decoded, hashed."""
