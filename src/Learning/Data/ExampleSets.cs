namespace P2PLearn.Learning.Data;

/// <summary>A training set and a test set of any kind, of the same <see cref="ModelInput"/>.</summary>
/// <param name="Train">What the nodes share out among themselves.</param>
/// <param name="Test">What accuracy is measured on.</param>
public sealed record ExampleSets(LabelledExamples Train, LabelledExamples Test);
