namespace P2PLearn.Learning.Data;

/// <summary>How well a model does on a data set.</summary>
/// <param name="Loss">Mean cross-entropy; may be NaN or infinite.</param>
/// <param name="Accuracy">Share of images whose largest logit is their label, in [0, 1].</param>
/// <param name="Count">Images looked at.</param>
public readonly record struct Evaluation(double Loss, double Accuracy, int Count);
