namespace P2PLearn.Node.Commands;

/// <summary>The examples under each command's help.</summary>
internal static class Examples
{
    /// <summary>The examples of a command, or null when it has none of its own.</summary>
    public static string? Of(string command) => command switch
    {
        "keygen" => """
              p2plearn keygen --data-dir my-node          make the node's identity before its first start
              p2plearn keygen --mesh                      make a mesh key to share with the other members
            """,
        "node" => """
              p2plearn node --found --data mnist:data/mnist             found a mesh and train
              p2plearn node --seed /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW… --mesh home:KEY
                                                                        join it from another machine
              p2plearn node --found --data "csv:iris.csv?label=species"  train on a table; quotes, because of the question mark
              p2plearn node --relay-only --mesh home:KEY                relay for the others from a machine with a public address
              p2plearn node --config configs/founder.json               all settings from a file
            """,
        "cluster" => """
              p2plearn cluster show                       members of the node on this machine
              p2plearn cluster status --data-dir my-node  the node of that folder; exit code 0 if it is up
              p2plearn cluster down 12D3KooW… --data-dir my-node
            """,
        "nat" => """
              p2plearn nat                                is the node on this machine reachable, how does it reach the others
              p2plearn nat --data-dir my-node --json      the same of the node of that folder, for a script
            """,
        "dht" => """
              p2plearn dht put notes/today "loss 0.31" --data-dir my-node    others find it under PEER/notes/today
              p2plearn dht get 12D3KooW…/notes/today
              p2plearn dht provide bafkrei… --data-dir my-node
              p2plearn dht find-providers bafkrei… --json
            """,
        "doctor" => """
              p2plearn doctor --data-dir my-node          is all well in the folder of a node that does not run
              p2plearn doctor --data-dir my-node --repair put right what is not; damaged files are kept beside
            """,
        "model" => """
              p2plearn model list                                            what this node keeps, and what the mesh has
              p2plearn model push net.safetensors --data-dir my-node         prints its root, by which others pull it
              p2plearn model pull bafkrei… --data-dir my-node
              p2plearn model export 4f1c07 -o model.safetensors --data-dir my-node   the newest model of a run
              p2plearn model eval model.safetensors --data mnist:data/mnist
            """,
        "simulate" => """
              p2plearn simulate --nodes 11 --byzantine 2 --attack foe --aggregator nna --model mlp \
                --partition dirichlet:1 --gradients 300 --local-steps 20 --batch 25 --seed 1 --json
              p2plearn simulate --nodes 1000 --byzantine 200 --attack alie --topology rpel-pull:50 --partition iid \
                --out big.jsonl --plot plots
              p2plearn simulate --latency 20-200 --bandwidth 10 --loss 0.05 --churn 0.05:10
              p2plearn simulate --grid attack=none,alie,foe byzantine=2,3 seed=1..3 --out sweep --plot plots
            """,
        "plot" => """
              p2plearn plot nna.jsonl mean.jsonl --out plots
              p2plearn plot sweep/*.jsonl
            """,
        "demo" => """
              p2plearn demo                               8 node processes, 2 of them attackers, on this machine
              p2plearn demo --topology rpel-pull:4        each node mixes 4 of the others a round and receives no more
              p2plearn demo --attack foe --aggregator mean --json
              p2plearn demo --model cnn --data fashion-mnist --nodes 5 --attackers 1
              p2plearn demo --model char-transformer --data text:book.txt --nodes 5 --attackers 1 --partition sorted
            """,
        _ => null,
    };
}
