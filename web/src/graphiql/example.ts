export const EXAMPLE = `# Your files, newest first.
# Ctrl-Enter runs, Ctrl-Space completes.
query Files {
  files(first: 10) {
    edges {
      node {
        id
        name
        size
        status
        createdAt
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}

# An upload: take the # away (Ctrl-/) and run
# it, then PUT the bytes to the URL with exactly
# these headers, and complete it.
#
# mutation RequestUpload {
#   requestUpload(
#     input: {
#       name: "hello.txt"
#       size: 5
#       contentType: "text/plain"
#     }
#   ) {
#     file { id }
#     upload { url method headers { name value } }
#   }
# }
#
# mutation CompleteUpload {
#   completeUpload(id: "the id from above") {
#     status
#   }
# }

# What changes arrives as it happens.
#
# subscription FilesChanged {
#   filesChanged { id name status }
# }
`;

